//! Somebody who signs tokens, and says with which keys: in a file, or at a URL.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::{Authority, Settings};

/// Somebody who signs tokens, and the file with the keys.
pub struct Issuer {
    home: TempDir,
    key: Ed25519KeyPair,
    id: String,
}

impl Default for Issuer {
    fn default() -> Self {
        Self::new()
    }
}

impl Issuer {
    /// One whose key is published.
    pub fn new() -> Self {
        let issuer = Self {
            home: TempDir::new().expect("a temporary directory can be made"),
            key: pair(1),
            id: "1".to_owned(),
        };
        issuer.publish();
        issuer
    }

    /// The file with the keys.
    pub fn file(&self) -> PathBuf {
        self.home.path().join("jwks.json")
    }

    /// The keys as they are now.
    pub fn jwks(&self) -> String {
        let key = URL_SAFE_NO_PAD.encode(self.key.public_key().as_ref());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": key}]}).to_string()
    }

    /// Writes the keys into the file.
    pub fn publish(&self) {
        self.write(&self.jwks());
    }

    /// Writes something else into the file.
    pub fn write(&self, text: &str) {
        std::fs::write(self.file(), text).expect("a file can be written");
    }

    /// Signs with another key from now on.
    pub fn rotate(&mut self, number: u8) {
        self.key = pair(number);
        self.id = number.to_string();
    }

    /// A token that is good for ten minutes, of `guest` with the scope `look`, but for the changes.
    pub fn token(&self, changes: &[(&str, Value)]) -> String {
        self.signed(&self.id, changes)
    }

    /// The same, which names a key.
    pub fn signed(&self, key: &str, changes: &[(&str, Value)]) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let later = now.expect("a clock") + Duration::from_secs(600);
        let mut claims = json!({
            "iss": "https://login.example",
            "aud": "stay",
            "exp": later.as_secs(),
            "sub": "guest",
            "scope": "look",
        });
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(&json!({"alg": "EdDSA", "kid": key}));
        let message = format!("{header}.{}", part(&claims));
        let signature = self.key.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// These settings, with tokens of this issuer taken, whose keys are in the file.
    pub fn trusted_by(&self, settings: Settings) -> Settings {
        let file = self.file();
        self.named_in(settings)
            .set("gateway.auth.jwks_file", file.to_str().expect("UTF-8"))
    }

    /// These settings, with tokens of this issuer taken; where its keys are is not said.
    pub fn named_in(&self, settings: Settings) -> Settings {
        settings
            .set("gateway.auth.issuer", "https://login.example")
            .set("gateway.auth.audience", "stay")
            .set("gateway.auth.algorithms", vec!["EdDSA", "RS256"])
    }
}

fn pair(number: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[number; 32]).expect("a key")
}

/// Keys at a URL, over TLS. Its port is its own for as long as it is there, whether it lets anybody in or not.
pub struct KeyServer {
    address: SocketAddr,
    offered: Arc<Mutex<Offer>>,
    asked: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

/// What whoever connects gets.
struct Offer {
    /// None while nobody is let in.
    acceptor: Option<TlsAcceptor>,
    keys: String,
}

impl KeyServer {
    /// One at a free port; its certificate is of the authority.
    pub async fn start(authority: &Authority, keys: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("an address");
        let offered = Arc::new(Mutex::new(Offer {
            acceptor: Some(acceptor(authority)),
            keys,
        }));
        let asked = Arc::<AtomicUsize>::default();
        let serving = tokio::spawn({
            let (offered, asked) = (offered.clone(), asked.clone());
            async move {
                loop {
                    let Ok((tcp, _)) = listener.accept().await else {
                        return;
                    };
                    let acceptor = offered.lock().acceptor.clone();
                    let Some(acceptor) = acceptor else { continue };
                    let Ok(mut stream) = acceptor.accept(tcp).await else {
                        continue;
                    };
                    let mut head = Vec::new();
                    while let Ok(byte) = stream.read_u8().await {
                        head.push(byte);
                        if head.ends_with(b"\r\n\r\n") {
                            break;
                        }
                    }
                    asked.fetch_add(1, Ordering::SeqCst);
                    let body = offered.lock().keys.clone();
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
            }
        });
        Self {
            address,
            offered,
            asked,
            serving,
        }
    }

    /// Where they are.
    pub fn url(&self) -> String {
        format!("https://{}/keys", self.address)
    }

    /// Offers something else.
    pub fn offer(&self, keys: String) {
        self.offered.lock().keys = keys;
    }

    /// Lets nobody in from now on.
    pub fn close(&self) {
        self.offered.lock().acceptor = None;
    }

    /// Lets in whoever trusts the authority from now on.
    pub fn open(&self, authority: &Authority) {
        self.offered.lock().acceptor = Some(acceptor(authority));
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    TlsAcceptor::from(Arc::new(authority.server("login")))
}
