//! A client that speaks TLS.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use crate::raw::exchange;
use crate::{Authority, Certified, Reply};

/// Whom it trusts, and who it is.
pub struct TlsClient(TlsConnector);

impl TlsClient {
    /// One that trusts an authority, and is known by a certificate.
    pub fn new(trusted: &Authority, own: Option<&Certified>) -> Self {
        Self(TlsConnector::from(Arc::new(config(trusted, own, BOTH))))
    }

    /// One that speaks TLS 1.2 and nothing else.
    pub fn of_tls12(trusted: &Authority) -> Self {
        Self(TlsConnector::from(Arc::new(config(
            trusted,
            None,
            &[&TLS12],
        ))))
    }

    /// One that offers these protocols (ALPN), the preferred one first.
    pub fn offering(trusted: &Authority, protocols: &[&str]) -> Self {
        let mut config = config(trusted, None, BOTH);
        let protocols = protocols.iter().map(|name| name.as_bytes().to_vec());
        config.alpn_protocols = protocols.collect();
        Self(TlsConnector::from(Arc::new(config)))
    }

    /// Connects to an address such as `https://127.0.0.1:8081`.
    ///
    /// # Errors
    ///
    /// When the two do not agree; with TLS 1.3 the other side may say so only when it is asked something.
    pub async fn connect(&self, base: &str) -> io::Result<TlsStream<TcpStream>> {
        let address = base.strip_prefix("https://").expect("an https address");
        let tcp = TcpStream::connect(address).await?;
        let name = ServerName::try_from("127.0.0.1").expect("an address is a name");
        self.0.connect(name, tcp).await
    }

    /// Asks for a path with a token; none when there is no answer.
    pub async fn get(&self, base: &str, path: &str, token: &str) -> Option<Reply> {
        let stream = self.connect(base).await.ok()?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        );
        exchange(stream, request.as_bytes()).await
    }
}

const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

fn config(
    trusted: &Authority,
    own: Option<&Certified>,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let certificates = |file: &Path| {
        let found = CertificateDer::pem_file_iter(file).expect("certificates");
        found.map(|one| one.expect("a certificate"))
    };
    let mut authorities = RootCertStore::empty();
    for certificate in certificates(&trusted.file()) {
        authorities.add(certificate).expect("an authority");
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder
        .with_protocol_versions(versions)
        .expect("these versions are possible")
        .with_root_certificates(authorities);
    match own {
        None => builder.with_no_client_auth(),
        Some(Certified { certificate, key }) => {
            let key = PrivateKeyDer::from_pem_file(key).expect("a key");
            let certificates = certificates(certificate).collect();
            let config = builder.with_client_auth_cert(certificates, key);
            config.expect("a certificate and its key")
        }
    }
}
