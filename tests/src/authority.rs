//! An authority of a test's own, which makes certificates for servers and clients on this machine.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

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

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.home.path().join(name);
        std::fs::write(&file, text).expect("a file can be written");
        file
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}
