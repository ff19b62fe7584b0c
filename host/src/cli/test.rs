//! `innkeeper test`

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCandidates;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::app_flags::AppFlags;
use super::candidates;
use super::failure::Failure;
use super::output;
use super::progress::Progress;
use super::signals::Signals;
use super::{build, components, serving};
use crate::build::{self as builds, Options, Source};
use crate::core::{human_duration, random_id};
use crate::manifest::Manifest;

/// Where an app keeps the script that tries it as a whole: the first of these files that is there.
const SCRIPTS: [&str; 3] = ["tests/e2e", "tests/e2e.sh", "tests/e2e.py"];
/// Names the NATS servers that it is tried with.
const TEST_NATS: &str = "INNKEEPER_TEST_NATS";
/// How long the app may take to open for the script, compiling what it consists of included.
const OPENING: Duration = Duration::from_secs(600);
/// How long it may take to close.
const CLOSING: Duration = Duration::from_secs(60);

/// Build and run all tests of the app, or those of one context
///
/// First clippy looks for what does not survive that an invocation is run again, by the lists in components/clippy.toml; then the contexts' own tests are run, natively: with
/// cargo, with what the package of a context in JavaScript or TypeScript says, or with pytest. Then, when no context is named, the app is built and served with data of its own on free
/// ports, and its script is run: tests/e2e, tests/e2e.sh or tests/e2e.py below the manifest, if there is one and it may be executed. It finds the
/// URLs of the ports in INNKEEPER_GATEWAY and INNKEEPER_OPERATORS (http://127.0.0.1:41721), the token in INNKEEPER_ADMIN_TOKEN, and says by its exit code whether all is well.
///
/// An app that uses NATS needs servers of its own for this, named in INNKEEPER_TEST_NATS: on those of its manifest the events of the tests would
/// be taken for real ones.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper test
  innkeeper test room")]
pub(super) struct Test {
    /// Only the tests of this context
    #[arg(add = ArgValueCandidates::new(candidates::contexts))]
    context: Option<String>,
    #[command(flatten)]
    app: AppFlags,
}

impl Test {
    pub async fn run(self) -> Result<(), Failure> {
        let manifest = self.app.load()?;
        let mut signals = Signals::listen()?;
        tokio::select! {
            tested = test(&manifest, self.context.as_deref()) => tested,
            _ = signals.next() => Err(Failure::Interrupted),
        }
    }
}

async fn test(manifest: &Manifest, context: Option<&str>) -> Result<(), Failure> {
    let sources = components::chosen(manifest, context)?;
    if context.is_some() {
        return natively(&sources).await;
    }
    let script = script(manifest.root());
    let nats = match script {
        Some(_) => test_servers(manifest)?,
        None => None,
    };
    natively(&sources).await?;
    match script {
        Some(script) => as_a_whole(manifest, &script, nats).await,
        None => {
            output::note(format_args!(
                "no script tries the app as a whole; one of {} would be run",
                SCRIPTS.join(", ")
            ));
            Ok(())
        }
    }
}

/// Looks for what does not survive a re-run, and runs the contexts' own tests.
async fn natively(sources: &[Source]) -> Result<(), Failure> {
    if !builds::lint(sources).await? {
        output::note(format_args!(
            "there is no clippy to look for what does not survive a re-run: `rustup component add clippy`"
        ));
    }
    let progress = Progress::new();
    Ok(builds::test(sources, |line| progress.say(line)).await?)
}

/// The script that tries the app as a whole.
fn script(root: &Path) -> Option<PathBuf> {
    let files = SCRIPTS.iter().map(|script| root.join(script));
    let file = files.into_iter().find(|file| file.is_file())?;
    // By its whole name it is found wherever it is run.
    std::path::absolute(file).ok()
}

/// Serves the app for its script, and runs that.
async fn as_a_whole(
    manifest: &Manifest,
    script: &Path,
    nats: Option<String>,
) -> Result<(), Failure> {
    let progress = Progress::new();
    let sources = components::sources(manifest);
    build::build_all(&sources, &Options::default(), &progress).await?;
    // Below the app's own data, which no other app uses.
    let data = manifest
        .journal
        .directory
        .join(format!("test-{}", random_id()));
    let data = TestData(data);
    served(manifest, script, &data.0, nats).await
}

/// The data of a host that is tried, removed when this is dropped: also when somebody interrupts the test.
struct TestData(PathBuf);

impl Drop for TestData {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            output::note(format_args!("{} is left: {error}", self.0.display()));
        }
    }
}

/// The servers that an app which uses NATS is tried with.
fn test_servers(manifest: &Manifest) -> Result<Option<String>, Failure> {
    if manifest.nats.is_none() {
        return Ok(None);
    }
    match std::env::var(TEST_NATS) {
        Ok(servers) if !servers.is_empty() => Ok(Some(servers)),
        _ => Err(Failure::Usage(format!(
            "the app uses NATS, whose servers would take the events of its tests for real ones; name a server for tests in {TEST_NATS}, such as nats://127.0.0.1:4222"
        ))),
    }
}

async fn served(
    manifest: &Manifest,
    script: &Path,
    data: &Path,
    nats: Option<String>,
) -> Result<(), Failure> {
    let token = random_id();
    let mut host = serve(manifest, data, &token, nats)?;
    let opened = tokio::time::timeout(OPENING, ports(&mut host)).await;
    let (operators, gateway) = match opened {
        Ok(Some(ports)) => ports,
        Ok(None) => {
            return Err(Failure::Tests(
                "the app did not open; it says why above".into(),
            ));
        }
        Err(_) => {
            close(&mut host).await;
            return Err(Failure::Tests(format!(
                "the app did not open within {}",
                human_duration(OPENING)
            )));
        }
    };
    let ran = Command::new(script)
        .env("INNKEEPER_GATEWAY", gateway)
        .env("INNKEEPER_OPERATORS", operators)
        .env("INNKEEPER_ADMIN_TOKEN", &token)
        .current_dir(manifest.root_or_here())
        .kill_on_drop(true)
        .status()
        .await;
    close(&mut host).await;
    match ran {
        Ok(status) if status.success() => {
            output::note(format_args!("{}: passed", script.display()));
            Ok(())
        }
        Ok(status) => Err(Failure::Tests(format!(
            "{} ended with {status}",
            script.display()
        ))),
        Err(source) => Err(Failure::File {
            file: script.to_owned(),
            source,
        }),
    }
}

/// Starts to serve the app on free ports, as a process of its own, which ends with this one.
fn serve(
    manifest: &Manifest,
    data: &Path,
    token: &str,
    nats: Option<String>,
) -> Result<Child, Failure> {
    let program = serving::this_program().unwrap_or_else(|| "innkeeper".into());
    let mut command = Command::new(program);
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    if let Some(file) = &manifest.file {
        command.arg("--app").arg(file);
    }
    command.arg("--data").arg(data);
    // What is told by flags is not told otherwise.
    for variable in [
        "INNKEEPER_LISTEN",
        "INNKEEPER_ADMIN",
        "INNKEEPER_DATA",
        "INNKEEPER_NATS",
    ] {
        command.env_remove(variable);
    }
    if let Some(servers) = nats {
        command.args(["--nats", &servers]);
    }
    command
        .env("INNKEEPER_ADMIN_TOKEN", token)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| Failure::File {
            file: "innkeeper".into(),
            source,
        })
}

/// Where operators look, and where the gateway is; none when the process has ended before it said so.
async fn ports(host: &mut Child) -> Option<(String, String)> {
    let mut lines = BufReader::new(host.stdout.take()?).lines();
    let mut operators = None;
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(address) = line.strip_prefix("operators ") {
            operators = Some(address.to_owned());
        }
        if let Some(address) = line.strip_prefix("gateway ") {
            return operators.zip(Some(address.to_owned()));
        }
    }
    None
}

/// Asks it to stop, and waits.
async fn close(host: &mut Child) {
    if let Some(process) = host.id().and_then(|id| i32::try_from(id).ok()) {
        let process = rustix::process::Pid::from_raw(process);
        let asked = process
            .map(|process| rustix::process::kill_process(process, rustix::process::Signal::TERM));
        if let Some(Ok(())) = asked {
            // Whatever is left then is killed with it.
            let _ended = tokio::time::timeout(CLOSING, host.wait()).await;
        }
    }
}
