//! A writer that takes lines without waiting, and a thread that writes them.
//!
//! By hand, because the queue of the crate `tracing-appender` is bounded in lines, not in bytes, and is the same for the host and for guests.

use std::{
    io::{self, Write},
    sync::Arc,
    thread,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};
use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// How many bytes may wait to be written. Lines beyond are lost, and counted.
const MOST_WAITING: usize = 1024 * 1024;
/// How many of them may be there before lines of guests are lost: what the host has to say must not be.
const MOST_OF_GUESTS: usize = MOST_WAITING / 2;
/// What the lines of guests are told by.
const GUEST: &str = "guest";

/// How long the process waits at its end for the last lines.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Takes lines.
pub(super) struct Writer(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    lost: u64,
    writing: bool,
    ending: bool,
}

impl Writer {
    /// Starts the thread that writes to `out`.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<(Self, Flush)> {
        let shared = Arc::new(Shared::default());
        let thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("innkeeper-log".to_owned())
            .spawn(move || thread.write(out))?;
        Ok((Self(Arc::clone(&shared)), Flush(shared)))
    }
}

impl Shared {
    fn take(&self, line: &[u8], most: usize) {
        let mut state = self.state.lock();
        if state.waiting.len() + line.len() > most {
            state.lost += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        if !state.writing {
            self.changed.notify_all();
        }
    }

    fn write(&self, mut out: impl Write) {
        let mut lines = Vec::new();
        let mut state = self.state.lock();
        loop {
            while state.waiting.is_empty() && !state.ending {
                self.changed.wait(&mut state);
            }
            if state.waiting.is_empty() {
                return;
            }
            std::mem::swap(&mut lines, &mut state.waiting);
            let lost = std::mem::take(&mut state.lost);
            state.writing = true;
            drop(state);
            // There is nowhere left to say that the log cannot be written.
            let _ = out.write_all(&lines);
            if lost > 0 {
                let _ = writeln!(
                    out,
                    "{{\"level\":\"WARN\",\"message\":\"log lines were dropped because they came faster than they could be written\",\"lost\":{lost}}}"
                );
            }
            let _ = out.flush();
            lines.clear();
            state = self.state.lock();
            state.writing = false;
            self.changed.notify_all();
        }
    }
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Lines<'a>;

    fn make_writer(&'a self) -> Lines<'a> {
        Lines {
            shared: &self.0,
            most: MOST_WAITING,
        }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Lines<'a> {
        let most = match meta.target() {
            GUEST => MOST_OF_GUESTS,
            _ => MOST_WAITING,
        };
        Lines {
            shared: &self.0,
            most,
        }
    }
}

/// Takes lines of the host, or of a guest.
pub(super) struct Lines<'a> {
    shared: &'a Shared,
    /// How many bytes may wait with each.
    most: usize,
}

impl Write for Lines<'_> {
    /// Takes a whole line: the formatter writes one at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.shared.take(line, self.most);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what still waits when it is dropped; to be kept until the process ends.
#[must_use = "the last lines are lost unless this value lives until the process ends"]
pub struct Flush(Arc<Shared>);

impl Drop for Flush {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.ending = true;
        self.0.changed.notify_all();
        let unwritten = |state: &mut State| state.writing || !state.waiting.is_empty();
        self.0
            .changed
            .wait_while_for(&mut state, unwritten, LAST_WAIT);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Writes only when told to, as a pipe whose reader is slow.
    struct Slow {
        permits: mpsc::Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.permits.recv();
            self.written.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_beyond_what_may_wait_are_lost_and_counted() {
        let (permit, permits) = mpsc::channel();
        let written = Arc::new(Mutex::new(Vec::new()));
        let (writer, flush) = Writer::start(Slow {
            permits,
            written: Arc::clone(&written),
        })
        .unwrap();
        let line = [b'x'; 1023];
        for _ in 0..3000 {
            writer.make_writer().write_all(&line).unwrap();
            writer.make_writer().write_all(b"\n").unwrap();
        }
        drop(permit);
        drop(flush);
        let written = String::from_utf8(written.lock().clone()).unwrap();
        assert!(
            written.len() <= 2 * MOST_WAITING + 1024,
            "{}",
            written.len()
        );
        assert!(
            written.contains("\"lost\":"),
            "nothing says that lines were lost"
        );
    }

    #[test]
    fn everything_is_written_at_the_end() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let (permit, permits) = mpsc::channel();
        drop(permit);
        let (writer, flush) = Writer::start(Slow {
            permits,
            written: Arc::clone(&written),
        })
        .unwrap();
        for number in 0..1000 {
            writeln!(writer.make_writer(), "{number}").unwrap();
        }
        drop(flush);
        assert_eq!(written.lock().split(|byte| *byte == b'\n').count(), 1001);
    }
}
