//! An OCI registry of a test's own: Debian's `docker-registry`, which can be stopped, started again on the same data, and tampered with.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{Authority, Certified, eventually};

/// The only user where a registry wants to know who asks, and the password.
pub const USER: &str = "porter";
/// The password of [`USER`].
pub const PASSWORD: &str = "only-for-tests";
/// That password as the registry knows it: hashed by bcrypt, in the cheapest way.
const HASHED: &str = "$2b$04$zScWIGGS4m6fDSPkBWH8xuJcruWt41kNWGgk25/T8SMbLV02tq9bO";

/// What it says, in its directory.
const SAID: &str = "said.txt";

/// A running registry.
pub struct Registry {
    child: Child,
    port: u16,
    // After the child: it must not outlive what it uses.
    home: TempDir,
    _certified: Option<Certified>,
}

/// How to start one.
#[derive(Default)]
pub struct Starting {
    changes: Vec<(String, Value)>,
    certified: Option<Certified>,
    knows_user: bool,
}

impl Starting {
    /// With something in its configuration, by the names on the way there: `auth.token`.
    pub fn with(mut self, path: &str, value: Value) -> Self {
        self.changes.push((path.to_owned(), value));
        self
    }

    /// Over TLS, with a certificate of this authority.
    pub fn over_tls(mut self, authority: &Authority) -> Self {
        self.certified = Some(authority.certify("registry"));
        self
    }

    /// For [`USER`] only, by the password.
    pub fn for_its_user(mut self) -> Self {
        self.knows_user = true;
        self
    }

    /// Starts it, on a free port.
    pub async fn start(self) -> Registry {
        let home = TempDir::new().expect("a temporary directory can be made");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = free.local_addr().expect("it has an address").port();
        drop(free);
        let config = self.config(home.path(), port);
        // JSON is YAML.
        write(&home.path().join("config.yml"), &config.to_string());
        let mut registry = Registry {
            child: launch(home.path()),
            port,
            home,
            _certified: self.certified,
        };
        registry.listens().await;
        registry
    }

    fn config(&self, home: &Path, port: u16) -> Value {
        let mut config = json!({
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": home.join("storage")}},
            "http": {"addr": format!("127.0.0.1:{port}")},
        });
        if let Some(Certified { certificate, key }) = &self.certified {
            config["http"]["tls"] = json!({"certificate": certificate, "key": key});
        }
        if self.knows_user {
            let file = home.join("htpasswd");
            write(&file, &format!("{USER}:{HASHED}\n"));
            config["auth"] = json!({"htpasswd": {"realm": "registry", "path": file}});
        }
        for (path, value) in &self.changes {
            let place = path
                .split('.')
                .fold(&mut config, |place, name| &mut place[name]);
            *place = value.clone();
        }
        config
    }
}

impl Registry {
    /// One that takes everything from everybody, in plain HTTP.
    pub async fn start() -> Self {
        Starting::default().start().await
    }

    /// Its host, as references name it.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A reference to something in it: `inn/room:1`.
    pub fn reference(&self, what: &str) -> String {
        format!("oci://{}/{what}", self.host())
    }

    /// The file that holds the content of a digest: its hexadecimal digits.
    pub fn file_of(&self, digest: &str) -> PathBuf {
        let blobs = self.storage().join("docker/registry/v2/blobs/sha256");
        blobs.join(&digest[..2]).join(digest).join("data")
    }

    /// Where it keeps all.
    pub fn storage(&self) -> PathBuf {
        self.home.path().join("storage")
    }

    /// Stops it at once.
    pub fn kill_9(&mut self) {
        let _ended_before = self.child.kill();
        let _status = self.child.wait();
    }

    /// Starts it again, on the same port and the same data.
    pub async fn restart(&mut self) {
        self.kill_9();
        self.child = launch(self.home.path());
        self.listens().await;
    }

    async fn listens(&mut self) {
        let (child, port) = (&mut self.child, self.port);
        let said = self.home.path().join(SAID);
        eventually("the registry listens", async || {
            // Whoever else may have its port by now is not the registry.
            if let Ok(Some(status)) = child.try_wait() {
                let said = std::fs::read_to_string(&said).unwrap_or_default();
                panic!("the registry has ended ({status}): {said}");
            }
            let connected = TcpStream::connect(("127.0.0.1", port)).await;
            connected.map(|_| ())
        })
        .await;
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.kill_9();
    }
}

fn launch(home: &Path) -> Child {
    let said = File::create(home.join(SAID)).expect("a file can be made");
    Command::new("docker-registry")
        .arg("serve")
        .arg(home.join("config.yml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .expect("docker-registry is installed; scripts/setup.sh docker-registry does it")
}

fn write(file: &Path, text: &str) {
    std::fs::write(file, text).expect("a file can be written");
}
