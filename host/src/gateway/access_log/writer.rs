//! A queue that takes lines without waiting, and a thread that writes them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use metrics::{Counter, counter};
use parking_lot::{Condvar, Mutex};

use crate::observe::metrics::ACCESS_LOG_DROPPED;

/// How many bytes may wait to be written. Lines beyond are dropped, and counted.
const MOST_WAITING: usize = 1024 * 1024;
/// How long the last lines may take to be written.
const LAST_WAIT: Duration = Duration::from_secs(2);
/// How often it is said that lines are dropped, while they are.
const PACE: Duration = Duration::from_secs(60);

/// Why there is no access log.
#[derive(Debug, thiserror::Error)]
pub enum AccessLogError {
    /// The file cannot be written.
    #[error(
        "the access log {} cannot be opened: {source}; make its directory, or name another gateway.access_log.file", file.display()
    )]
    File {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no standard output.
    #[error(
        "the access log cannot be written to standard output: {0}; name a gateway.access_log.file"
    )]
    Stdout(io::Error),
    /// The thread that writes could not be started.
    #[error("cannot start the thread that writes the access log: {0}")]
    Thread(io::Error),
}

/// Where lines are written.
pub(super) struct Output {
    file: File,
    /// None where it cannot be opened again.
    path: Option<PathBuf>,
    /// Whether it ends in the middle of a line.
    is_torn: bool,
}

impl Output {
    pub(super) fn open(path: &Path) -> Result<Self, AccessLogError> {
        let file = append(path).map_err(|source| AccessLogError::File {
            file: path.to_owned(),
            source,
        })?;
        Ok(Self {
            file,
            path: Some(path.to_owned()),
            is_torn: false,
        })
    }

    /// Not through the buffer that others print by: whoever prints would wait for whoever reads these lines.
    pub(super) fn stdout() -> Result<Self, AccessLogError> {
        let stdout = io::stdout();
        let descriptor = stdout.as_fd().try_clone_to_owned();
        Ok(Self {
            file: descriptor.map_err(AccessLogError::Stdout)?.into(),
            path: None,
            is_torn: false,
        })
    }

    /// Opens the file again, when it is another one by now or `anyway`. One that cannot be opened is written on where it is.
    fn follow(&mut self, anyway: bool) {
        let Some(path) = &self.path else { return };
        if !anyway && is_at(&self.file, path) {
            return;
        }
        match append(path) {
            Ok(file) => {
                self.file = file;
                self.is_torn = false;
            }
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "the access log cannot be opened again; its lines go on where they went");
            }
        }
    }

    /// Writes lines; says how many could not be.
    fn write(&mut self, lines: &[u8]) -> (u64, Option<io::Error>) {
        let mut rest = lines;
        let mut failed = None;
        if self.is_torn {
            match self.file.write_all(b"\n") {
                Ok(()) => self.is_torn = false,
                Err(error) => failed = Some(error),
            }
        }
        while !rest.is_empty() && failed.is_none() {
            match self.file.write(rest) {
                Ok(0) => failed = Some(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    let (written, left) = rest.split_at(written.min(rest.len()));
                    self.is_torn = written.last() != Some(&b'\n');
                    rest = left;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => failed = Some(error),
            }
        }
        let left = rest.iter().filter(|byte| **byte == b'\n').count();
        (left as u64, failed)
    }
}

fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // It says who asked for what: that is not for everybody on the machine.
    options.append(true).create(true).mode(0o640).open(path)
}

/// Whether an open file is what is found at a path.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let (open, found) = (file.metadata(), fs::metadata(path));
    match (open, found) {
        (Ok(open), Ok(found)) => identity(open) == identity(found),
        _ => false,
    }
}

/// Takes lines.
pub(super) struct Writer(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    dropped: Counter,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// Lines that were dropped so far.
    dropped: u64,
    reopen: bool,
    writing: bool,
    ending: bool,
}

impl Writer {
    /// Starts the thread that writes.
    pub(super) fn start(output: Output) -> Result<Self, AccessLogError> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            dropped: counter!(ACCESS_LOG_DROPPED),
        });
        let thread = shared.clone();
        thread::Builder::new()
            .name("innkeeper-access-log".to_owned())
            .spawn(move || thread.run(output))
            .map_err(AccessLogError::Thread)?;
        Ok(Self(shared))
    }

    /// Takes a line, unless too much waits.
    pub(super) fn take(&self, line: &[u8]) {
        let mut state = self.0.state.lock();
        if state.ending || state.waiting.len() + line.len() > MOST_WAITING {
            state.dropped += 1;
            drop(state);
            return self.0.dropped.increment(1);
        }
        let was_empty = state.waiting.is_empty();
        state.waiting.extend_from_slice(line);
        if was_empty && !state.writing {
            self.0.changed.notify_all();
        }
    }

    pub(super) fn reopen(&self) {
        self.0.state.lock().reopen = true;
        self.0.changed.notify_all();
    }

    pub(super) fn close(&self) {
        let mut state = self.0.state.lock();
        state.ending = true;
        self.0.changed.notify_all();
        let is_unwritten = |state: &mut State| state.writing || !state.waiting.is_empty();
        self.0
            .changed
            .wait_while_for(&mut state, is_unwritten, LAST_WAIT);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.state.lock().ending = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn run(&self, mut output: Output) {
        let mut lines = Vec::new();
        let mut said = (0, None::<Instant>);
        let mut state = self.state.lock();
        loop {
            while state.waiting.is_empty() && !state.ending && !state.reopen {
                self.changed.wait(&mut state);
            }
            if state.waiting.is_empty() && !state.reopen {
                return;
            }
            std::mem::swap(&mut lines, &mut state.waiting);
            let reopen = std::mem::take(&mut state.reopen);
            state.writing = true;
            drop(state);
            output.follow(reopen);
            let (unwritten, error) = output.write(&lines);
            lines.clear();
            self.dropped.increment(unwritten);
            state = self.state.lock();
            state.writing = false;
            state.dropped += unwritten;
            self.changed.notify_all();
            let (before, at) = said;
            if state.dropped > before && at.is_none_or(|at| at.elapsed() >= PACE) {
                said = (state.dropped, Some(Instant::now()));
                drop(state);
                tell(said.0, error);
                state = self.state.lock();
            }
        }
    }
}

fn tell(dropped: u64, error: Option<io::Error>) {
    match error {
        Some(error) => tracing::warn!(
            dropped,
            %error,
            "lines of the access log are being dropped, because they cannot be written; make room where it is written; {ACCESS_LOG_DROPPED} counts them"
        ),
        None => tracing::warn!(
            dropped,
            "lines of the access log are being dropped, because they come faster than they are taken; lower gateway.access_log.sample; {ACCESS_LOG_DROPPED} counts them"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn everything_is_written_at_the_end() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("access.log");
        let writer = Writer::start(Output::open(&path).unwrap()).unwrap();
        for number in 0..1_000 {
            writer.take(format!("{number}\n").as_bytes());
        }
        writer.close();
        let expected: String = (0..1_000).map(|number| format!("{number}\n")).collect();
        assert_eq!(read(&path), expected);
    }

    #[test]
    fn a_file_that_was_moved_is_opened_again() {
        let home = tempfile::tempdir().unwrap();
        let [path, moved] = ["access.log", "access.log.1"].map(|name| home.path().join(name));
        let mut output = Output::open(&path).unwrap();
        output.follow(false);
        output.write(b"first\n");
        fs::rename(&path, &moved).unwrap();
        output.follow(false);
        output.write(b"second\n");
        assert_eq!([read(&moved), read(&path)], ["first\n", "second\n"]);
        fs::remove_file(&path).unwrap();
        output.follow(false);
        output.write(b"third\n");
        assert_eq!(read(&path), "third\n");
    }

    #[test]
    fn what_comes_faster_than_it_is_taken_is_dropped_and_counted() {
        let (mut reader, pipe) = io::pipe().unwrap();
        let writer = Writer::start(Output {
            file: std::os::fd::OwnedFd::from(pipe).into(),
            path: None,
            is_torn: false,
        })
        .unwrap();
        let mut line = [b'x'; 1_024];
        line[1_023] = b'\n';
        // A pipe takes 64 KiB; so much may be with the thread, and so much in the queue.
        let most = (64 * 1_024 + 2 * MOST_WAITING) / line.len();
        for _ in 0..most + 1_000 {
            writer.take(&line);
        }
        let dropped = writer.0.state.lock().dropped;
        assert!(dropped >= 1_000, "{dropped}");
        let reading = thread::spawn(move || {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).unwrap();
            read.len()
        });
        writer.close();
        drop(writer);
        let read = reading.join().unwrap() as u64;
        assert_eq!(read / 1_024 + dropped, most as u64 + 1_000);
    }

    #[test]
    fn a_line_that_was_torn_does_not_run_into_the_next() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("access.log");
        let mut output = Output::open(&path).unwrap();
        output.write(b"tor");
        output.write(b"whole\n");
        assert_eq!(read(&path), "tor\nwhole\n");
    }
}
