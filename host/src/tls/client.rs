//! TLS as somebody speaks it who asks others.

use std::path::Path;

use tokio_rustls::rustls::client::WantsClientCert;
use tokio_rustls::rustls::{ClientConfig, ConfigBuilder, RootCertStore, SupportedProtocolVersion};

use super::files::{PemFile, TlsError, provider};

/// How TLS is spoken in these versions with whoever has a certificate of an authority in the file, or of one of the system's. Blocks.
///
/// # Errors
///
/// When the file holds no authority.
pub(crate) fn client_config(
    authorities: Option<&Path>,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    let authorities = match authorities {
        Some(file) => PemFile::read(file)?.authorities()?,
        None => {
            let mut authorities = RootCertStore::empty();
            // A system without any trusts nobody, and whoever is asked is told from that to be nobody's.
            authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            authorities
        }
    };
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(versions)?;
    Ok(builder.with_root_certificates(authorities))
}
