//! A running `innkeeper serve`, with the app stay.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use innkeeper::build::{self, Source};
use innkeeper::manifest::Manifest;
use parking_lot::Mutex;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};
use tokio_rustls::rustls::crypto::ring;

/// How long anything may take, on a machine that is busy with other tests.
pub const SOON: Duration = Duration::from_secs(60);

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The binary, with no settings from outside.
pub fn innkeeper() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_innkeeper"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("INNKEEPER_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub async fn run(command: &mut Command) -> Output {
    timeout(SOON, command.output()).await.unwrap().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Sees to it that the components of stay are built.
pub async fn build_components() {
    static BUILT: OnceCell<()> = OnceCell::const_new();
    let building = async {
        let manifest = Manifest::load(&repository().join("innkeeper.toml")).unwrap();
        let sources = manifest.contexts.into_iter().map(|(name, context)| Source {
            name,
            package: context.package.unwrap(),
        });
        let sources: Vec<_> = sources.collect();
        build::build(&sources, &build::Options::default(), |_| ())
            .await
            .unwrap();
    };
    BUILT.get_or_init(|| building).await;
}

/// One cache of compiled components for all: each host would compile them anew otherwise.
fn share_artifacts(data: &Path) {
    let shared = repository().join("components/target/innkeeper/artifacts");
    std::fs::create_dir_all(&shared).unwrap();
    std::fs::create_dir_all(data).unwrap();
    // Another run of the same host may have linked it.
    let _ = std::os::unix::fs::symlink(shared, data.join("artifacts"));
}

#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn of(stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let lines = Self::default();
        let taken = lines.clone();
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream).lines();
            while let Ok(Some(line)) = stream.next_line().await {
                taken.0.lock().push(line);
            }
        });
        lines
    }

    pub fn all(&self) -> String {
        self.0.lock().join("\n")
    }

    fn after(&self, prefix: &str) -> Option<String> {
        let lines = self.0.lock();
        lines
            .iter()
            .find_map(|line| line.strip_prefix(prefix).map(str::to_owned))
    }
}

pub struct TestHost {
    child: Child,
    pub gateway: String,
    pub operators: String,
    pub out: Lines,
    pub err: Lines,
    pub http: Client,
    pub home: Arc<TempDir>,
}

impl TestHost {
    pub async fn open() -> Self {
        Self::open_in(Arc::new(TempDir::new().unwrap()), &[]).await
    }

    pub async fn open_in(home: Arc<TempDir>, arguments: &[&str]) -> Self {
        Self::open_with(home, arguments, &[]).await
    }

    pub async fn open_with(
        home: Arc<TempDir>,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        build_components().await;
        share_artifacts(&home.path().join("data"));
        let mut command = innkeeper();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--app"])
            .arg(repository().join("innkeeper.toml"))
            .arg("--data")
            .arg(home.path().join("data"))
            .args(arguments)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if !arguments.contains(&"--admin") {
            command.args(["--admin", "127.0.0.1:0"]);
        }
        let mut child = command.spawn().unwrap();
        let out = Lines::of(child.stdout.take().unwrap());
        let err = Lines::of(child.stderr.take().unwrap());
        let opening = async {
            loop {
                if let (Some(gateway), Some(operators)) =
                    (out.after("gateway "), out.after("operators "))
                {
                    return (gateway, operators);
                }
                let ended = child.try_wait().unwrap();
                assert!(ended.is_none(), "{ended:?}\n{}", err.all());
                sleep(Duration::from_millis(20)).await;
            }
        };
        let (gateway, operators) = timeout(SOON, opening).await.unwrap();
        Self {
            child,
            gateway,
            operators,
            out,
            err,
            http: http_client(),
            home,
        }
    }

    /// A command that talks to this host, and finds its token where it is kept.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = innkeeper();
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env("INNKEEPER_ADMIN", &self.operators)
            .env("INNKEEPER_DATA", self.data());
        command
    }

    /// What such a command prints when all goes well.
    pub async fn says(&self, arguments: &[&str]) -> String {
        let output = run(&mut self.command(arguments)).await;
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    pub fn token(&self) -> String {
        let kept = std::fs::read_to_string(self.data().join("admin-token")).unwrap();
        kept.trim().to_owned()
    }

    /// A request to the operators' port, without the token.
    pub fn ask(&self, path: &str) -> RequestBuilder {
        self.http
            .get(format!("{}{path}", self.operators))
            .timeout(SOON)
    }

    pub async fn see(&self, path: &str) -> Value {
        let answer = self.ask(path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    /// A new room.
    pub async fn room(&self, desc: &str) -> Value {
        let request = self.http.post(format!("{}/rooms", self.gateway));
        let answer = request.json(&json!({ "desc": desc })).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json().await.unwrap()
    }

    /// A booking of a room, under this correlation id.
    pub async fn book(&self, room: u64, correlation_id: &str) -> u16 {
        let request = self
            .http
            .post(format!("{}/reservations", self.gateway))
            .header("x-correlation-id", correlation_id)
            .json(&json!({ "roomId": room }));
        request.send().await.unwrap().status().as_u16()
    }

    /// Ends it as a power cut would.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    pub fn terminate(&self) {
        let id = self.child.id().unwrap().to_string();
        let killed = std::process::Command::new("kill")
            .args(["-TERM", &id])
            .status();
        assert!(killed.unwrap().success());
    }

    pub async fn ended(&mut self) -> ExitStatus {
        timeout(SOON, self.child.wait()).await.unwrap().unwrap()
    }

    pub async fn close(&mut self) {
        self.terminate();
        let status = self.ended().await;
        assert!(status.success(), "{status}\n{}", self.err.all());
    }
}

/// Waits until something holds.
pub async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let trying = async {
        loop {
            if let Some(found) = attempt().await {
                return found;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, trying)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"))
}

fn http_client() -> Client {
    // The library does not choose one itself. Whoever was first stays: it is the same.
    let _ = ring::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}
