//! Certificates and keys, as files hold them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio_rustls::rustls::{self, RootCertStore};

/// Why TLS cannot be spoken with the files that were named.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}; TLS needs it", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{} holds no {what} in PEM that can be used: {reason}", file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// `certificate` or `key`.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate and a key do not belong together.
    #[error("the certificate {} and the key {} do not make a pair: {reason}", certificate.display(), key.display())]
    NoPair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        reason: Box<rustls::Error>,
    },
    /// The library refuses.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

/// A file and what it holds.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PemFile {
    file: PathBuf,
    text: Vec<u8>,
}

/// The cryptography that all TLS of the host is done with.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

impl PemFile {
    /// Reads a file. Blocks.
    ///
    /// # Errors
    ///
    /// When that is not possible.
    pub fn read(file: &Path) -> Result<Self, TlsError> {
        match fs::read(file) {
            Ok(text) => Ok(Self {
                file: file.to_owned(),
                text,
            }),
            Err(source) => Err(TlsError::Unreadable {
                file: file.to_owned(),
                source,
            }),
        }
    }

    /// The certificates in it, of which there is one at least.
    ///
    /// # Errors
    ///
    /// When one is none.
    pub fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let found = CertificateDer::pem_slice_iter(&self.text).collect::<Result<Vec<_>, _>>();
        match found {
            Ok(found) if found.is_empty() => {
                Err(self.unusable("certificate", &pem::Error::NoItemsFound))
            }
            Ok(found) => Ok(found),
            Err(error) => Err(self.unusable("certificate", &error)),
        }
    }

    /// The key in it.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(&self.text).map_err(|error| self.unusable("key", &error))
    }

    /// The authorities whose certificates are in it.
    ///
    /// # Errors
    ///
    /// When one of them is none.
    pub fn authorities(&self) -> Result<RootCertStore, TlsError> {
        let mut authorities = RootCertStore::empty();
        for certificate in self.certificates()? {
            let added = authorities.add(certificate);
            added.map_err(|error| self.unusable("certificate", &error))?;
        }
        Ok(authorities)
    }

    /// That this certificate does not go with that key.
    pub fn no_pair(&self, key: &Self, reason: rustls::Error) -> TlsError {
        TlsError::NoPair {
            certificate: self.file.clone(),
            key: key.file.clone(),
            reason: Box::new(reason),
        }
    }

    fn unusable(&self, what: &'static str, error: &dyn ToString) -> TlsError {
        TlsError::Unusable {
            file: self.file.clone(),
            what,
            reason: error.to_string(),
        }
    }
}
