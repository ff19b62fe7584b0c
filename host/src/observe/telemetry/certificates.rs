//! What TLS with a collector rests on: who vouches for it, and who the host says it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tokio_rustls::rustls::{ClientConfig, DEFAULT_VERSIONS};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use super::address::with_causes;
use super::variables::{Environment, Signal};
use crate::tls::{PemFile, TlsError, client_config};

/// The files of a signal's exporter, as the standard variables name them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Certificates {
    /// Certificates of the authorities that the collector's may come from; the system's when absent.
    authorities: Option<PathBuf>,
    /// The host's own certificate and its key, for a collector that asks for one.
    own: Option<(PathBuf, PathBuf)>,
}

/// Why TLS cannot be spoken with a collector.
#[derive(Debug, thiserror::Error)]
pub enum CertificatesError {
    /// One of the two was named.
    #[error("{named} is set and {missing} is not; a certificate goes with its key: name both")]
    Half {
        /// The variable that is set.
        named: String,
        /// The one that is not.
        missing: &'static str,
    },
    /// A file cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There is no client.
    #[error("no connection can be made: {0}")]
    Client(String),
}

impl Certificates {
    /// Those of a signal's exporter; none where its collector is not asked over TLS.
    ///
    /// # Errors
    ///
    /// When there is a certificate and no key, or a key and no certificate.
    pub(super) fn read(
        environment: &Environment<'_>,
        signal: Signal,
        endpoint: &str,
    ) -> Result<Self, CertificatesError> {
        if !endpoint.starts_with("https:") {
            return Ok(Self::default());
        }
        let file = |what| environment.of_exporter(signal, what);
        let own = match (file("CLIENT_CERTIFICATE"), file("CLIENT_KEY")) {
            (Some((_, certificate)), Some((_, key))) => {
                Some((PathBuf::from(certificate), PathBuf::from(key)))
            }
            (None, None) => None,
            (Some((named, _)), None) => {
                return Err(CertificatesError::Half {
                    named,
                    missing: "OTEL_EXPORTER_OTLP_CLIENT_KEY",
                });
            }
            (None, Some((named, _))) => {
                return Err(CertificatesError::Half {
                    named,
                    missing: "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
                });
            }
        };
        Ok(Self {
            authorities: file("CERTIFICATE").map(|(_, file)| PathBuf::from(file)),
            own,
        })
    }

    /// A client for HTTP, which may take so long to connect. Blocks.
    ///
    /// # Errors
    ///
    /// When a file cannot be used.
    pub(super) fn http(
        &self,
        connect_timeout: Duration,
    ) -> Result<reqwest::Client, CertificatesError> {
        let client = reqwest::Client::builder().connect_timeout(connect_timeout);
        let client = client.tls_backend_preconfigured(self.config()?);
        client
            .build()
            .map_err(|error| CertificatesError::Client(with_causes(&error)))
    }

    /// A client for HTTP that blocks, as the SDK's own threads use it. Blocks.
    ///
    /// # Errors
    ///
    /// When a file cannot be used.
    pub(super) fn blocking_http(
        &self,
        timeout: Duration,
    ) -> Result<reqwest::blocking::Client, CertificatesError> {
        let client = reqwest::blocking::Client::builder()
            .timeout(timeout)
            .tls_backend_preconfigured(self.config()?);
        // On a thread of its own: it begins a runtime, which is forbidden within another one.
        let built = thread::scope(|scope| scope.spawn(|| client.build()).join());
        match built {
            Ok(built) => built.map_err(|error| CertificatesError::Client(with_causes(&error))),
            Err(_) => Err(CertificatesError::Client(
                "the thread that makes it has panicked".to_owned(),
            )),
        }
    }

    /// TLS under gRPC. Blocks.
    ///
    /// # Errors
    ///
    /// When a file cannot be used.
    pub(super) fn grpc(&self) -> Result<ClientTlsConfig, CertificatesError> {
        // What cannot be used is told now, not with the first connection.
        self.config()?;
        let tls = ClientTlsConfig::new();
        let tls = match &self.authorities {
            Some(file) => tls.ca_certificate(Certificate::from_pem(read(file)?)),
            None => tls.with_enabled_roots(),
        };
        Ok(match &self.own {
            Some((certificate, key)) => {
                tls.identity(Identity::from_pem(read(certificate)?, read(key)?))
            }
            None => tls,
        })
    }

    fn config(&self) -> Result<ClientConfig, TlsError> {
        let builder = client_config(self.authorities.as_deref(), DEFAULT_VERSIONS)?;
        let Some((certificate, key)) = &self.own else {
            return Ok(builder.with_no_client_auth());
        };
        let (certificate, key) = (PemFile::read(certificate)?, PemFile::read(key)?);
        let config = builder.with_client_auth_cert(certificate.certificates()?, key.key()?);
        config.map_err(|reason| certificate.no_pair(&key, reason))
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|source| TlsError::Unreadable {
        file: file.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Certificates, String> {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Certificates::read(
            &Environment::new(&find),
            Signal::Traces,
            "https://collector",
        )
        .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_said_of_a_signal_goes_before_what_is_said_of_all() {
        let certificates = read(&[
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "all.pem"),
            ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "traces.pem"),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "own.pem"),
            ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "own.key"),
        ]);
        let wanted = Certificates {
            authorities: Some(PathBuf::from("traces.pem")),
            own: Some((PathBuf::from("own.pem"), PathBuf::from("own.key"))),
        };
        assert_eq!(certificates, Ok(wanted));
    }

    #[test]
    fn a_certificate_without_its_key_is_refused_and_a_file_that_is_not_there() {
        let half = read(&[("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "own.pem")]).unwrap_err();
        assert!(
            half.contains("OTEL_EXPORTER_OTLP_CLIENT_KEY is not"),
            "{half}"
        );
        let absent = read(&[("OTEL_EXPORTER_OTLP_CERTIFICATE", "/is/not/there.pem")]).unwrap();
        for error in [
            absent.http(Duration::from_secs(1)).err(),
            absent.grpc().err(),
        ] {
            let error = error.unwrap().to_string();
            assert!(error.contains("/is/not/there.pem"), "{error}");
        }
    }
}
