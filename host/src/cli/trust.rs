//! Whom the command line trusts to be a host, and who it is itself.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{self, ClientConfig};

use super::failure::Failure;
use crate::tls::{PemFile, TlsError, client_config};

/// What the flags say of it.
pub(super) struct Trust {
    /// Certificates of the authorities that a host's certificate may come from; the system's when absent.
    pub authorities: Option<PathBuf>,
    /// The certificate and the key for hosts that ask who their clients are.
    pub own: Option<(PathBuf, PathBuf)>,
}

impl Trust {
    /// Whether anything is said.
    pub fn is_said(&self) -> bool {
        self.authorities.is_some() || self.own.is_some()
    }

    /// How TLS is spoken by that. Blocks for a moment, before anything else is done.
    pub fn config(self) -> Result<Arc<ClientConfig>, Failure> {
        Ok(Arc::new(self.read()?))
    }

    fn read(self) -> Result<ClientConfig, TlsError> {
        let builder = client_config(self.authorities.as_deref(), &[&TLS13])?;
        let Some((certificate, key)) = self.own else {
            return Ok(builder.with_no_client_auth());
        };
        let (certificate, key) = (PemFile::read(&certificate)?, PemFile::read(&key)?);
        let config = builder.with_client_auth_cert(certificate.certificates()?, key.key()?);
        config.map_err(|reason| certificate.no_pair(&key, reason))
    }
}

/// What TLS says of why there is no connection, in the chain of what an error came from.
pub(super) fn refusal<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> Option<&'e rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(refusal) = error.downcast_ref() {
            return Some(refusal);
        }
        let of_io = error.downcast_ref::<std::io::Error>();
        let inner = of_io.and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner as &(dyn std::error::Error + 'static)),
            None => error.source(),
        };
    }
    None
}

/// What is wrong, and what to do.
pub(super) fn explain(refusal: &rustls::Error) -> String {
    match refusal {
        rustls::Error::InvalidCertificate(reason) => format!(
            "its certificate is not trusted ({reason}); name its authority with --ca-certificate, and the host by a name that is in its certificate"
        ),
        rustls::Error::AlertReceived(reason) => format!(
            "it does not accept who asks ({reason:?}); show a certificate with --client-certificate and --client-key"
        ),
        rustls::Error::InvalidMessage(_) => {
            "it speaks no TLS; write http:// before its address".to_owned()
        }
        reason => reason.to_string(),
    }
}
