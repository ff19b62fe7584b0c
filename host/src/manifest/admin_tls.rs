//! `[admin.tls]`: TLS at the operators' port.

use std::path::PathBuf;

use serde::Deserialize;

/// `[admin.tls]`: who the operators' port is, and whose clients it takes. The files are read again while the host runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminTlsSettings {
    /// The port's certificate (PEM), with those between it and its authority behind it.
    pub certificate_file: PathBuf,
    /// Its key (PEM).
    pub key_file: PathBuf,
    /// Certificates (PEM) of the authorities that the certificates of clients may come from. Only clients with such a one are answered; all when absent.
    #[serde(default)]
    pub client_ca_file: Option<PathBuf>,
}

impl AdminTlsSettings {
    /// The files that it names, to be taken relative to the manifest.
    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.certificate_file, &mut self.key_file]
            .into_iter()
            .chain(&mut self.client_ca_file)
    }
}
