//! An authority of a test's own, which makes certificates for servers and clients on this machine.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// The authority, and the directory with all that it has made.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    home: TempDir,
}

/// Where somebody's certificate and its key are, both in PEM.
pub struct Certified {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Authority {
    /// One that nobody has heard of yet.
    pub fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // By this name two authorities are told from each other.
        parameters.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(parameters, key());
        let authority = Self {
            issuer: issuer.expect("an authority can sign its own certificate"),
            home: TempDir::new().expect("a temporary directory can be made"),
        };
        authority.write("ca.pem", &authority.issuer.pem());
        authority
    }

    /// Its own certificate, for those who are to trust it.
    pub fn file(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    /// Makes a certificate for somebody at 127.0.0.1, to serve with and to be known by.
    pub fn certify(&self, name: &str) -> Certified {
        let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]);
        let mut parameters = parameters.expect("an address can be certified");
        parameters.distinguished_name.push(DnType::CommonName, name);
        let key = key();
        let certificate = parameters.signed_by(&key, &self.issuer);
        let certificate = certificate.expect("the authority can sign");
        Certified {
            certificate: self.write(&format!("{name}.pem"), &certificate.pem()),
            key: self.write(&format!("{name}.key"), &key.serialize_pem()),
        }
    }

    /// How a server of this name speaks TLS, with whoever comes.
    pub fn server(&self, name: &str) -> ServerConfig {
        self.server_for(name, None)
    }

    /// How a server of this name speaks TLS, with those alone that have a certificate of this authority, too.
    pub fn server_for_its_own(&self, name: &str) -> ServerConfig {
        let mut authorities = RootCertStore::empty();
        let own = CertificateDer::from_pem_file(self.file()).expect("a certificate");
        authorities.add(own).expect("an authority");
        self.server_for(name, Some(authorities))
    }

    fn server_for(&self, name: &str, clients: Option<RootCertStore>) -> ServerConfig {
        let own = self.certify(name);
        let certificate = CertificateDer::from_pem_file(&own.certificate).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(&own.key).expect("a key");
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions();
        let builder = builder.expect("these versions are possible");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(clients), provider);
                builder.with_client_cert_verifier(verifier.build().expect("an authority"))
            }
        };
        let config = builder.with_single_cert(vec![certificate], key);
        config.expect("a certificate and its key")
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.home.path().join(name);
        std::fs::write(&file, text).expect("a file can be written");
        file
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}
