//! A NATS server of a test's own, which can be killed, stopped for a while and started again on the same data.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::jetstream::{self, consumer, stream};
use async_nats::{ConnectOptions, HeaderMap};
use futures::StreamExt;
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::{Authority, Certified, eventually};

/// The arguments of a server with JetStream.
pub const JETSTREAM: &[&str] = &["-js"];

/// What a client needs for a server with TLS.
struct Tls {
    ca_file: PathBuf,
    certified: Certified,
}

/// A running `nats-server`.
pub struct NatsServer {
    child: Child,
    port: u16,
    arguments: Vec<String>,
    tls: Option<Tls>,
    // After the child: it must not outlive what it uses.
    home: TempDir,
}

impl NatsServer {
    /// A server with JetStream, on a free port.
    pub async fn start() -> Self {
        Self::with(JETSTREAM).await
    }

    /// A server with these arguments, on a free port.
    pub async fn with(arguments: &[&str]) -> Self {
        let home = TempDir::new().expect("a temporary directory can be made");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = free.local_addr().expect("it has an address").port();
        drop(free);
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        let child = launch(&home, port, &arguments);
        let server = Self {
            child,
            port,
            arguments,
            tls: None,
            home,
        };
        server.listens().await;
        server
    }

    /// A server with JetStream that speaks TLS only, with a certificate of this authority. `how` is `--tls`, or `--tlsverify` for one that lets only those
    /// in who have a certificate of it, too.
    pub async fn with_tls(authority: &Authority, how: &str) -> Self {
        let certified = authority.certify("nats-server");
        let ca_file = authority.file();
        let files = [&certified.certificate, &certified.key, &ca_file];
        let [certificate, key, ca] = files.map(|file| file.to_str().expect("paths are UTF-8"));
        let tls = [
            how,
            "--tlscert",
            certificate,
            "--tlskey",
            key,
            "--tlscacert",
            ca,
        ];
        let mut server = Self::with(&[JETSTREAM, &tls].concat()).await;
        server.tls = Some(Tls {
            certified: authority.certify("client"),
            ca_file,
        });
        server
    }

    /// Its URL.
    pub fn url(&self) -> String {
        let scheme = match self.tls {
            Some(_) => "tls",
            None => "nats",
        };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Ends it as a power cut would.
    pub fn kill_9(&mut self) {
        let _ended_before = self.child.kill();
        let _status = self.child.wait();
    }

    /// Starts it again, on the same port and the same data.
    pub async fn restart(&mut self) {
        self.kill_9();
        self.child = launch(&self.home, self.port, &self.arguments);
        self.listens().await;
    }

    /// Keeps what it has stored by now, to go back to it later. It is stopped meanwhile.
    pub async fn save(&mut self) -> TempDir {
        self.kill_9();
        let saved = TempDir::new().expect("a temporary directory can be made");
        copy(self.home.path(), saved.path());
        self.restart().await;
        saved
    }

    /// Comes back with what it had stored when that was saved: everything later is lost.
    pub async fn go_back(&mut self, saved: &TempDir) {
        self.kill_9();
        let store = self.home.path().join("jetstream");
        std::fs::remove_dir_all(&store).expect("the store can be removed");
        copy(saved.path(), self.home.path());
        self.restart().await;
    }

    /// Makes a stream with these settings; gives the way to publish into it.
    pub async fn make(&self, config: stream::Config) -> jetstream::Context {
        let context = jetstream::new(self.client().await);
        let made = context.create_stream(config).await;
        made.expect("a stream can be made");
        context
    }

    /// Publishes a message with this block of headers, which no client would send, and waits until the server has it.
    pub async fn publish_raw(&self, subject: &str, reply: &str, headers: &[u8], data: &[u8]) {
        let stream = TcpStream::connect(self.address()).await;
        let stream = stream.expect("it listens");
        let mut stream = BufReader::new(stream);
        let (block, all) = (headers.len(), headers.len() + data.len());
        let greeting = r#"{"verbose":false,"headers":true}"#;
        let head = format!("CONNECT {greeting}\r\nHPUB {subject} {reply} {block} {all}\r\n");
        let bytes = [head.as_bytes(), headers, data, b"\r\nPING\r\n"].concat();
        stream.write_all(&bytes).await.expect("it is sent");
        let mut line = String::new();
        while !line.starts_with("PONG") {
            line.clear();
            let read = stream.read_line(&mut line).await.expect("it answers");
            assert!(read > 0 && !line.starts_with("-ERR"), "{line}");
        }
    }

    /// Stops it in its tracks, for a while.
    pub async fn pause(&self, time: Duration) {
        self.signal("-STOP");
        tokio::time::sleep(time).await;
        self.signal("-CONT");
    }

    /// A plain client.
    pub async fn client(&self) -> async_nats::Client {
        let options = match &self.tls {
            Some(Tls { ca_file, certified }) => ConnectOptions::new()
                .add_root_certificates(ca_file.clone())
                .add_client_certificate(certified.certificate.clone(), certified.key.clone()),
            None => ConnectOptions::new(),
        };
        let client = options.connect(self.url()).await;
        client.expect("the server lets a client in")
    }

    /// Makes a stream of a subject, on disk and without limits; gives the way to publish into it.
    pub async fn make_stream(&self, name: &str, subject: &str) -> jetstream::Context {
        self.make(stream::Config {
            name: name.to_owned(),
            subjects: vec![subject.to_owned()],
            ..stream::Config::default()
        })
        .await
    }

    /// Everything in a stream, as somebody reads it who knows nothing but NATS.
    pub async fn read(&self, name: &str) -> Vec<Received> {
        let context = jetstream::new(self.client().await);
        let mut stream = context.get_stream(name).await.expect("the stream is there");
        let info = stream.info().await.expect("the stream says how it is");
        let stream::State { messages, .. } = info.state;
        if messages == 0 {
            return Vec::new();
        }
        let consumer = stream
            .create_consumer(consumer::pull::OrderedConfig::default())
            .await
            .expect("a consumer can be made");
        let incoming = consumer
            .messages()
            .await
            .expect("messages can be asked for");
        let count = usize::try_from(messages).expect("a number of messages");
        let taken = incoming.take(count).map(|message| {
            let message = message.expect("a message comes");
            Received {
                subject: message.subject.to_string(),
                headers: message.headers.clone().unwrap_or_default(),
                data: message.payload.to_vec(),
            }
        });
        tokio::time::timeout(Duration::from_secs(60), taken.collect())
            .await
            .expect("the messages come in time")
    }

    async fn listens(&self) {
        eventually("the NATS server listens", async || {
            TcpStream::connect(("127.0.0.1", self.port))
                .await
                .map(|_| ())
        })
        .await;
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(status.is_ok_and(|status| status.success()), "kill {signal}");
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill_9();
    }
}

/// A message that was read.
pub struct Received {
    /// Where it was published.
    pub subject: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its data.
    pub data: Vec<u8>,
}

impl Received {
    /// A header's value; empty when it has none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.as_str())
    }

    /// The event in it, as the binary mode of CloudEvents has it: in the JSON format.
    pub fn event(&self) -> Value {
        let mut event = Map::new();
        for (name, values) in self.headers.iter() {
            let name: &str = name.as_ref();
            if let (Some(attribute), Some(value)) = (name.strip_prefix("ce-"), values.first()) {
                event.insert(attribute.to_owned(), value.as_str().into());
            }
        }
        let data = serde_json::from_slice(&self.data).expect("the data is JSON");
        event.insert("data".to_owned(), data);
        Value::Object(event)
    }
}

fn launch(home: &TempDir, port: u16, arguments: &[String]) -> Child {
    Command::new(binary())
        .args(["-a", "127.0.0.1", "-p", &port.to_string()])
        .arg("-sd")
        .arg(home.path())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nats-server is installed; scripts/setup.sh nats-server does it")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory can be made");
    for entry in std::fs::read_dir(from).expect("a directory can be read") {
        let entry = entry.expect("an entry can be read");
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).expect("a file can be copied")),
        }
    }
}

/// Debian puts it where not everybody looks.
fn binary() -> PathBuf {
    let debian = PathBuf::from("/usr/sbin/nats-server");
    match debian.exists() {
        true => debian,
        false => PathBuf::from("nats-server"),
    }
}
