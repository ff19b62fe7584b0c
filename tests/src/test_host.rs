//! A host: one `innkeeper serve` with its own data, which can be killed and opened again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::machine::{self, Share};
use crate::process::{Output, Process, Said, command};
use crate::{
    Book, Books, Client, Operators, Settings, Shop, Stay, artifacts, eventually, imbalances,
    violations, within,
};

/// How long it may take to open, on a machine that compiles guests for other tests.
const OPENING: Duration = Duration::from_secs(180);
/// How long it may take to close after it was asked to.
const CLOSING: Duration = Duration::from_secs(40);
/// How long its last words may take to arrive.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// The token of the operators' port.
const TOKEN: &str = "only-for-tests-0123456789abcdef";

/// A running host.
pub struct TestHost {
    settings: Settings,
    variables: Vec<(String, String)>,
    limits: Option<String>,
    process: Process,
    gateway: Client,
    operators: Operators,
    // After the process: it must not outlive what it uses.
    home: TempDir,
    _share: Share,
}

/// How to open one.
pub struct Opening {
    settings: Settings,
    variables: Vec<(String, String)>,
    alone: bool,
    limits: Option<String>,
    own_artifacts: bool,
}

impl Opening {
    /// With these settings.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            variables: Vec::new(),
            alone: false,
            limits: None,
            own_artifacts: false,
        }
    }

    /// With an environment variable.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Under limits that a shell sets: `ulimit -Sn 1024`.
    pub fn under(mut self, limits: &str) -> Self {
        self.limits = Some(limits.to_owned());
        self
    }

    /// With no other test's host on the machine, for as long as this one is there.
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// With compiled components of its own, which no other host uses.
    pub fn own_artifacts(mut self) -> Self {
        self.own_artifacts = true;
        self
    }

    /// Opens it.
    pub async fn open(self) -> TestHost {
        artifacts::binary().await;
        let share = match self.alone {
            true => machine::alone().await,
            false => machine::shared().await,
        };
        let home = TempDir::new().expect("a temporary directory can be made");
        std::fs::create_dir(home.path().join("data")).expect("a data directory can be made");
        if !self.own_artifacts {
            share_artifacts(home.path());
        }
        let (process, gateway, operators) = launch(
            home.path(),
            &self.settings,
            &self.variables,
            self.limits.as_deref(),
        )
        .await;
        TestHost {
            settings: self.settings,
            variables: self.variables,
            limits: self.limits,
            process,
            gateway,
            operators,
            home,
            _share: share,
        }
    }
}

impl TestHost {
    /// Opens a host with the app as it is shipped.
    pub async fn open() -> Self {
        Self::with(Settings::of_the_app().await).await
    }

    /// Opens a host with these settings.
    pub async fn with(settings: Settings) -> Self {
        Opening::new(settings).open().await
    }

    /// The public port.
    pub fn gateway(&self) -> &Client {
        &self.gateway
    }

    /// The app behind it.
    pub fn stay(&self) -> Stay {
        Stay::new(self.gateway.clone())
    }

    /// The app `shop` behind it, where it is that.
    pub fn shop(&self) -> Shop {
        Shop::new(self.gateway.clone())
    }

    /// The books of `shop`, when it is at rest and they balance; else what is wrong. `put_in` is how much there ever was of each product.
    pub async fn shop_balances(&self, put_in: &BTreeMap<u64, u64>) -> Result<Books, String> {
        let books = Books::read(&self.gateway).await?;
        let mut found = imbalances(&books, put_in);
        found.extend(self.operators.pending().await);
        match found.is_empty() {
            true => Ok(books),
            false => Err(found.join("\n")),
        }
    }

    /// Waits until `shop` is at rest and its books balance, and gives them.
    pub async fn shop_at_rest(&self, put_in: &BTreeMap<u64, u64>) -> Books {
        eventually("the shop comes to rest", async || {
            self.shop_balances(put_in).await
        })
        .await
    }

    /// The operators' port.
    pub fn operators(&self) -> &Operators {
        &self.operators
    }

    /// Waits until every saga has ended and every context is of one mind, and gives what there is then.
    pub async fn at_rest(&self) -> Book {
        eventually("the host comes to rest", async || self.look().await).await
    }

    /// What there is, when it is at rest; else what is not.
    pub async fn look(&self) -> Result<Book, String> {
        let book = Book::read(&self.gateway).await?;
        let mut found = violations(&book);
        found.extend(self.operators.pending().await);
        if found.is_empty() {
            Ok(book)
        } else {
            Err(found.join("\n"))
        }
    }

    /// What it has printed since it was opened last.
    pub fn output(&self) -> &Output {
        self.process.output()
    }

    /// Whether the host itself has panicked anywhere. What it tells of other processes stands within lines of the log.
    pub fn has_panicked(&self) -> bool {
        let lines = self.output().lines_with("panicked at");
        lines.iter().any(|line| line.starts_with("thread '"))
    }

    /// Its process id.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// The resident memory of its process, in KiB.
    pub fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most resident memory that its process has had so far, in KiB.
    pub fn most_resident(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, what: &str) -> u64 {
        let file = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(file).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        let number = line.expect("a line with it").trim().trim_end_matches("kB");
        number.trim().parse().expect("a number")
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Tries to start it on its data while it is closed, and gives what is said when that is refused.
    pub async fn refused(&self) -> Said {
        let (manifest, data) = (self.home.path().join("innkeeper.toml"), self.data());
        let path = |path: &Path| path.to_str().expect("paths are UTF-8").to_owned();
        let listen = "127.0.0.1:0";
        let said = command(&[
            "serve",
            "--app",
            &path(&manifest),
            "--data",
            &path(&data),
            "--listen",
            listen,
            "--admin",
            listen,
        ])
        .await;
        assert!(!said.is_well, "it was not refused: {said:?}");
        said
    }

    /// The directory with its manifest and its data.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Changes the manifest on disk, while it runs.
    pub fn rewrite(&mut self, settings: Settings) {
        settings.write(self.home.path());
        self.settings = settings;
    }

    /// The settings that the manifest on disk has.
    pub fn settings(&self) -> Settings {
        self.settings.clone()
    }

    /// Lets it start without the limits of its opening from now on.
    pub fn lift_limits(&mut self) {
        self.limits = None;
    }

    /// Runs a command for operators of this host to its end.
    pub async fn command(&self, arguments: &[&str]) -> Said {
        let address = self.operators.client().base();
        let mut all = arguments.to_vec();
        all.extend(["--admin", address, "--admin-token", TOKEN]);
        command(&all).await
    }

    /// Ends the process as a power cut would.
    pub fn kill_9(&mut self) {
        self.process.kill_9();
    }

    /// Sends SIGTERM.
    pub fn ask_to_close(&self) {
        self.process.terminate();
    }

    /// Waits until the process has ended by itself, and well.
    pub async fn closed(&mut self) {
        match self.process.wait(CLOSING).await {
            Some(status) => assert!(status.success(), "it ended with {status}"),
            None => panic!("it has not ended {CLOSING:?} after SIGTERM"),
        }
    }

    /// Sends SIGTERM, and waits.
    pub async fn close(&mut self) {
        self.ask_to_close();
        self.closed().await;
    }

    /// Starts it again on the same data. It must not be running.
    pub async fn reopen(&mut self) {
        assert!(self.process.ended().is_some(), "it is still running");
        (self.process, self.gateway, self.operators) = launch(
            self.home.path(),
            &self.settings,
            &self.variables,
            self.limits.as_deref(),
        )
        .await;
    }

    /// Starts it again on the same data, though not everything in it may serve. It must not be running.
    ///
    /// # Errors
    ///
    /// What it printed, when it ended instead.
    pub async fn try_reopen(&mut self, variables: &[(&str, &str)]) -> Result<(), String> {
        assert!(self.process.ended().is_some(), "it is still running");
        let mut all = self.variables.clone();
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        all.extend(variables.iter().map(own));
        (self.process, self.gateway, self.operators) = start(
            self.home.path(),
            &self.settings,
            &all,
            self.limits.as_deref(),
        )
        .await?;
        Ok(())
    }

    /// Starts it again with other settings.
    pub async fn reopen_with(&mut self, settings: Settings) {
        self.settings = settings;
        self.reopen().await;
    }
}

/// Lets all hosts have one cache of compiled components: each test would compile them all otherwise.
fn share_artifacts(home: &Path) {
    let shared = artifacts::repository().join("components/target/innkeeper/artifacts");
    std::fs::create_dir_all(&shared).expect("the cache can be made");
    std::os::unix::fs::symlink(shared, home.join("data/artifacts"))
        .expect("the cache can be linked");
}

async fn launch(
    home: &Path,
    settings: &Settings,
    variables: &[(String, String)],
    limits: Option<&str>,
) -> (Process, Client, Operators) {
    let (process, gateway, operators) = match start(home, settings, variables, limits).await {
        Ok(started) => started,
        Err(reason) => panic!("{reason}"),
    };
    // Over TLS nobody is known here whom it trusts. Where the gateway is, it says when requests are welcome.
    let speaks_tls = operators.client().base().starts_with("https://");
    let ready = within(OPENING, async || match speaks_tls {
        true => Ok(()),
        false => operators.ready().await,
    });
    if let Err(reason) = ready.await {
        let output = process.output().tail(40);
        panic!("not ready after {OPENING:?}: {reason}\n{output}");
    }
    (process, gateway, operators)
}

/// Starts it, until it says where it listens; or says how it ended instead.
async fn start(
    home: &Path,
    settings: &Settings,
    variables: &[(String, String)],
    limits: Option<&str>,
) -> Result<(Process, Client, Operators), String> {
    let manifest = settings.write(home);
    let data = home.join("data");
    let path = |path: &PathBuf| path.to_str().expect("paths are UTF-8").to_owned();
    let (manifest, data) = (path(&manifest), path(&data));
    let arguments = [
        "serve",
        "--app",
        &manifest,
        "--data",
        &data,
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
    ];
    let mut variables = variables.to_vec();
    variables.push(("INNKEEPER_ADMIN_TOKEN".to_owned(), TOKEN.to_owned()));
    let binary = artifacts::binary().await;
    let mut process = match limits {
        None => Process::start(binary, &arguments, &variables),
        Some(limits) => {
            let script = format!("{limits}; exec \"$0\" \"$@\"");
            let mut command = vec!["-c", &script, binary.to_str().expect("paths are UTF-8")];
            command.extend(arguments);
            Process::start(Path::new("/bin/sh"), &command, &variables)
        }
    };
    let output = process.output().clone();
    let opened = within(OPENING, async || {
        if let Some(status) = process.ended() {
            return Ok(Err(status));
        }
        let gateway = output.after("gateway ").ok_or("no gateway")?;
        let operators = output.after("operators ").ok_or("no operators' port")?;
        Ok::<_, &str>(Ok((gateway, operators)))
    });
    let (gateway, operators) = match opened.await {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(status)) => {
            // What it printed last may still be on its way.
            let said = || output.lines_with("error: ");
            let _says_why = within(LAST_WORDS, async || match said().is_empty() {
                true => Err(()),
                false => Ok(()),
            })
            .await;
            let output = output.tail(40);
            return Err(format!("it ended with {status} while it opened:\n{output}"));
        }
        Err(missing) => panic!("{missing} after {OPENING:?}:\n{}", output.tail(40)),
    };
    let (gateway, operators) = (
        Client::new(gateway),
        Operators::new(Client::new(operators), TOKEN),
    );
    Ok((process, gateway, operators))
}
