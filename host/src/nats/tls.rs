//! TLS: the certificates that the manifest names, and what it means when the two sides do not agree.

use std::error::Error;
use std::io;
use std::path::Path;

use async_nats::rustls;
use async_nats::rustls::pki_types::pem::PemObject;
use async_nats::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use async_nats::{ConnectError, ConnectErrorKind, ConnectOptions};

use super::error::NatsError;
use crate::manifest::NatsSettings;

/// Says whom to trust and who the host is. The client only reads the files when it connects, and does not name the one that is wrong: they are tried here.
pub(super) async fn equip(
    mut options: ConnectOptions,
    settings: &NatsSettings,
) -> Result<ConnectOptions, NatsError> {
    if let Some(file) = &settings.ca_file {
        check(file, certificates).await?;
        options = options.add_root_certificates(file.clone());
    }
    match (&settings.certificate_file, &settings.key_file) {
        (Some(certificate), Some(key)) => {
            check(certificate, certificates).await?;
            check(key, private_key).await?;
            Ok(options.add_client_certificate(certificate.clone(), key.clone()))
        }
        (None, None) => Ok(options),
        _ => Err(NatsError::HalfCertificate),
    }
}

/// What the two sides do not agree on; `None` when it is not about TLS.
pub(super) fn error(error: &ConnectError) -> Option<NatsError> {
    match refusal(error) {
        Some(rustls::Error::InvalidCertificate(reason)) => {
            Some(NatsError::Untrusted(reason.to_string()))
        }
        Some(rustls::Error::AlertReceived(reason)) => {
            Some(NatsError::CertificateRefused(format!("{reason:?}")))
        }
        Some(reason) => Some(NatsError::Tls(reason.to_string())),
        None if error.kind() == ConnectErrorKind::Tls => Some(NatsError::Tls(error.to_string())),
        None => None,
    }
}

/// How TLS ended, in the words of the library that speaks it.
fn refusal(error: &ConnectError) -> Option<&rustls::Error> {
    let error: &io::Error = error.source()?.downcast_ref()?;
    error.get_ref()?.downcast_ref()
}

async fn check(
    file: &Path,
    read: impl FnOnce(&[u8]) -> Result<(), pem::Error>,
) -> Result<(), NatsError> {
    let unusable = |reason: String| NatsError::File {
        file: file.to_owned(),
        reason,
    };
    let text = tokio::fs::read(file).await;
    let text = text.map_err(|error| unusable(error.to_string()))?;
    read(&text).map_err(|error| unusable(error.to_string()))
}

fn certificates(text: &[u8]) -> Result<(), pem::Error> {
    // One is needed; each that is there must be whole.
    CertificateDer::from_pem_slice(text)?;
    CertificateDer::pem_slice_iter(text).try_for_each(|certificate| certificate.map(|_| ()))
}

fn private_key(text: &[u8]) -> Result<(), pem::Error> {
    PrivateKeyDer::from_pem_slice(text).map(|_| ())
}
