//! What a reader types into: a shell that goes on, or a terminal with one program.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::within;

/// What the shell prints behind what a command has printed: nothing else prints it.
const END: char = '\u{1e}';
/// How long what was asked to end may take.
const ENDING: Duration = Duration::from_secs(40);
/// How long somebody waits who then presses Ctrl-C once more.
const ONCE_MORE: Duration = Duration::from_secs(6);

/// What a terminal has shown so far.
#[derive(Clone, Default)]
struct Screen {
    bytes: Arc<Mutex<Vec<u8>>>,
    /// How many streams may still bring something.
    open: Arc<AtomicUsize>,
}

impl Screen {
    fn shows(&self, mut stream: impl AsyncRead + Unpin + Send + 'static) {
        let screen = self.clone();
        screen.open.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let mut bytes = Vec::with_capacity(8 << 10);
            while let Ok(1..) = stream.read_buf(&mut bytes).await {
                screen.bytes.lock().append(&mut bytes);
            }
            screen.open.fetch_sub(1, Ordering::Release);
        });
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock()).into_owned()
    }

    fn clear(&self) {
        self.bytes.lock().clear();
    }

    fn is_complete(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }
}

/// A process with all that it starts.
struct Group(Child);

impl Group {
    fn start(command: &mut Command, screen: &Screen) -> Self {
        let started = command
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = started.expect("bash runs");
        screen.shows(child.stdout.take().expect("it is piped"));
        screen.shows(child.stderr.take().expect("it is piped"));
        Self(child)
    }

    fn signal(&self, signal: Signal) {
        let id = self.0.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = id.and_then(Pid::from_raw) {
            let _nobody_is_left = kill_process_group(group, signal);
        }
    }

    /// Sends a signal, and waits for the end. A shell that is asked just when the program in its loop ends by itself goes on with the loop, so it is asked again.
    async fn end(&mut self, signal: Signal) -> Result<(), String> {
        let asking = async {
            loop {
                self.signal(signal);
                if tokio::time::timeout(ONCE_MORE, self.0.wait()).await.is_ok() {
                    return;
                }
            }
        };
        match tokio::time::timeout(ENDING, asking).await {
            Ok(()) => Ok(()),
            Err(_) => Err(format!("it has not ended {ENDING:?} after it was asked to")),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// The reader's own terminal. Each command runs to its end, and variables stay.
pub(super) struct Shell {
    group: Group,
    screen: Screen,
    script: tempfile::NamedTempFile,
}

impl Shell {
    /// Opens one; `command` has the folder and the variables.
    pub(super) fn open(mut command: Command) -> Self {
        let screen = Screen::default();
        command
            .args(["--noprofile", "--norc"])
            .stdin(Stdio::piped());
        Self {
            group: Group::start(&mut command, &screen),
            screen,
            script: tempfile::NamedTempFile::new().expect("a file can be made"),
        }
    }

    /// Runs a command, and gives what it printed.
    pub(super) async fn run(&mut self, command: &str, longest: Duration) -> Result<String, String> {
        self.screen.clear();
        // From a file: what is wrong with a command is then wrong with that command alone, and what it reads is not what is typed next.
        std::fs::write(self.script.path(), command).map_err(|error| error.to_string())?;
        let path = self.script.path().display();
        let line = format!(". '{path}' </dev/null 2>&1; printf '\\036%s\\n' $?\n");
        let stdin = self.group.0.stdin.as_mut().expect("it is piped");
        let typed = stdin.write_all(line.as_bytes()).await;
        typed.map_err(|error| format!("the shell has ended: {error}"))?;
        let ended = within(longest, async || {
            let text = self.screen.text();
            let (said, code) = text.split_once(END).ok_or(())?;
            code.ends_with('\n').then(|| said.to_owned()).ok_or(())
        });
        let ended = ended.await;
        ended.map_err(|()| {
            let said = self.screen.text();
            format!("it has not ended after {longest:?}, and has said:\n{said}")
        })
    }
}

/// Another terminal, in which one program runs.
pub(super) struct Terminal {
    group: Option<Group>,
    screen: Screen,
}

impl Terminal {
    /// Opens one, in which nothing runs.
    pub(super) fn open() -> Self {
        Self {
            group: None,
            screen: Screen::default(),
        }
    }

    /// Starts a program as soon as the one before it has ended; `shell` has the folder and the variables.
    pub(super) async fn start(&mut self, mut shell: Command, command: &str) -> Result<(), String> {
        if let Some(running) = &mut self.group {
            let ended = tokio::time::timeout(ENDING, running.0.wait()).await;
            let _status = ended.map_err(|_| "what was started there still runs")?;
        }
        // What the program before it has printed last is not what this one prints.
        self.screen = Screen::default();
        shell.args(["-c", command]).stdin(Stdio::null());
        self.group = Some(Group::start(&mut shell, &self.screen));
        Ok(())
    }

    /// Ends the program: as it wishes, or at once.
    pub(super) async fn end(&mut self, at_once: bool) -> Result<(), String> {
        let signal = if at_once { Signal::KILL } else { Signal::INT };
        match self.group.take() {
            Some(mut group) => group.end(signal).await,
            None => Err("nothing runs there".to_owned()),
        }
    }

    /// What it has printed so far.
    pub(super) fn text(&self) -> String {
        self.screen.text()
    }

    /// Whether the program has ended, and all that it has printed is here.
    pub(super) fn has_ended(&mut self) -> bool {
        match &mut self.group {
            Some(group) => {
                let is_running = matches!(group.0.try_wait(), Ok(None));
                !is_running && self.screen.is_complete()
            }
            None => true,
        }
    }
}
