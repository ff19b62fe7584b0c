//! A running `innkeeper serve`, with an ear for what it prints.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::within;

/// How many lines are kept for a test that fails.
const LINES: usize = 20_000;
/// How many of them a failed test shows.
const SHOWN: usize = 60;

/// The child process. It ends with this.
pub struct Process {
    child: Child,
    output: Output,
}

/// What the process has printed, to both of its outputs.
#[derive(Clone, Default)]
pub struct Output(Arc<Mutex<VecDeque<String>>>);

impl Process {
    /// Starts `binary` with no `INNKEEPER_…` variables but these.
    pub fn start(binary: &Path, arguments: &[&str], variables: &[(String, String)]) -> Self {
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("INNKEEPER_") {
                command.env_remove(name);
            }
        }
        let mut child = command
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", binary.display()));
        let output = Output::default();
        output.listen(child.stdout.take().expect("stdout is piped"));
        output.listen(child.stderr.take().expect("stderr is piped"));
        Self { child, output }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Whether it has ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child can be waited for")
    }

    /// Ends it as a power cut would.
    pub fn kill_9(&mut self) {
        let _ended_before = self.child.kill();
        let _status = self.child.wait();
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        let status = Command::new("kill")
            .args(["-TERM", &self.id().to_string()])
            .status();
        assert!(status.is_ok_and(|status| status.success()), "kill -TERM");
    }

    /// Waits for its end.
    pub async fn wait(&mut self, time: Duration) -> Option<ExitStatus> {
        within(time, async || self.ended().ok_or(())).await.ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_9();
        if std::thread::panicking() {
            eprintln!(
                "the last lines of process {}:\n{}",
                self.id(),
                self.output.tail(SHOWN)
            );
        }
    }
}

/// Lets this process have as many descriptors as it may: some tests hold a thousand connections.
pub fn many_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("a limit can be raised to its maximum");
}

/// What a command has said that has ended.
#[derive(Debug)]
pub struct Said {
    /// Whether it did what it was asked.
    pub is_well: bool,
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Its results.
    pub out: String,
    /// What it said meanwhile.
    pub err: String,
}

/// Runs `innkeeper` with these arguments and no `INNKEEPER_…` variables to its end.
pub async fn command(arguments: &[&str]) -> Said {
    command_within(arguments, Duration::from_secs(60)).await
}

/// The same, for what may take longer.
pub async fn command_within(arguments: &[&str], longest: Duration) -> Said {
    run(arguments, &[], longest).await
}

/// The same, with these variables.
pub async fn command_with(arguments: &[&str], variables: &[(&str, &str)]) -> Said {
    run(arguments, variables, Duration::from_secs(60)).await
}

async fn run(arguments: &[&str], variables: &[(&str, &str)], longest: Duration) -> Said {
    let mut command = tokio::process::Command::new(crate::artifacts::binary().await);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("INNKEEPER_") {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(longest, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{arguments:?} has not ended after {longest:?}"));
    let output = output.expect("the binary can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said {
        is_well: output.status.success(),
        code: output.status.code(),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

/// How long a process has kept processors busy so far.
pub fn processor_time(process: u32) -> Duration {
    let file = format!("/proc/{process}/stat");
    let stat = std::fs::read_to_string(file).expect("the process is there");
    // The name in parentheses may hold spaces. What follows it begins with the third field; the times are the fourteenth and the fifteenth.
    let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks = ticks.map(|ticks| ticks.parse::<u64>().expect("a number of ticks"));
    // Linux shows hundredths of a second, whatever its own clock does.
    Duration::from_millis(10 * ticks.sum::<u64>())
}

impl Output {
    fn listen(&self, stream: impl Read + Send + 'static) {
        let output = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                let mut lines = output.0.lock();
                if lines.len() == LINES {
                    lines.pop_front();
                }
                lines.push_back(String::from_utf8_lossy(&line).into_owned());
            }
        });
    }

    /// What is right of `prefix` in the first line that begins with it.
    pub fn after(&self, prefix: &str) -> Option<String> {
        let lines = self.0.lock();
        lines
            .iter()
            .find_map(|line| Some(line.strip_prefix(prefix)?.trim().to_owned()))
    }

    /// The lines with `text` in them.
    pub fn lines_with(&self, text: &str) -> Vec<String> {
        let lines = self.0.lock();
        lines
            .iter()
            .filter(|line| line.contains(text))
            .cloned()
            .collect()
    }

    /// The last lines.
    pub fn tail(&self, count: usize) -> String {
        let lines = self.0.lock();
        let first = lines.len().saturating_sub(count);
        lines
            .iter()
            .skip(first)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    }
}
