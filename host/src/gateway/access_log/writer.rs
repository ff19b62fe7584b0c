//! A queue that takes lines without waiting, and a thread that writes them.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use metrics::{Counter, counter};
use parking_lot::{Condvar, Mutex};

use super::error::AccessLogError;
use super::output::Output;
use crate::observe::metrics::ACCESS_LOG_DROPPED;

/// How many bytes may wait to be written. Lines beyond are dropped, and counted.
const MOST_WAITING: usize = 1024 * 1024;
/// How long the last lines may take to be written.
const LAST_WAIT: Duration = Duration::from_secs(2);
/// How often it is said that lines are dropped, while they are.
const PACE: Duration = Duration::from_secs(60);

/// Takes lines.
pub(super) struct Writer(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    counter: Counter,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    dropped: Dropped,
    reopen: bool,
    writing: bool,
    ending: bool,
}

/// Lines that were dropped.
#[derive(Default)]
struct Dropped {
    /// So far.
    lines: u64,
    /// Of how many of them it was said, and when last.
    said: u64,
    at: Option<Instant>,
}

impl Dropped {
    /// How many there are so far, when that is to be said now. It is said by whoever asks, also while the thread that writes waits for somebody to read.
    fn take_unsaid(&mut self, now: Instant) -> Option<u64> {
        let is_early = self.at.is_some_and(|at| now.duration_since(at) < PACE);
        if self.lines == self.said || is_early {
            return None;
        }
        (self.said, self.at) = (self.lines, Some(now));
        Some(self.lines)
    }
}

impl Writer {
    /// Starts the thread that writes.
    pub(super) fn start(output: Output) -> Result<Self, AccessLogError> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            counter: counter!(ACCESS_LOG_DROPPED),
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
            state.dropped.lines += 1;
            let unsaid = state.dropped.take_unsaid(Instant::now());
            drop(state);
            self.0.counter.increment(1);
            return say(unsaid, None);
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
        // What still waits is not written any more. What is being written may be.
        let waiting = std::mem::take(&mut state.waiting);
        let waiting = waiting.iter().filter(|byte| **byte == b'\n').count() as u64;
        state.dropped.lines += waiting;
        // There is no later time to say it.
        state.dropped.at = None;
        let unsaid = state.dropped.take_unsaid(Instant::now());
        drop(state);
        self.0.counter.increment(waiting);
        say(unsaid, None);
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
            self.counter.increment(unwritten);
            state = self.state.lock();
            state.dropped.lines += unwritten;
            let unsaid = state.dropped.take_unsaid(Instant::now());
            drop(state);
            // Before anybody hears that everything was written, or not.
            say(unsaid, error);
            state = self.state.lock();
            state.writing = false;
            self.changed.notify_all();
        }
    }
}

fn say(dropped: Option<u64>, error: Option<io::Error>) {
    match (dropped, error) {
        (None, _) => {}
        (Some(dropped), Some(error)) => tracing::warn!(
            dropped,
            %error,
            "lines of the access log are being dropped, because they cannot be written; make room where it is written; {ACCESS_LOG_DROPPED} counts them"
        ),
        (Some(dropped), None) => tracing::warn!(
            dropped,
            "lines of the access log are being dropped, because they come faster than they are taken; lower gateway.access_log.sample; {ACCESS_LOG_DROPPED} counts them"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::fd::OwnedFd;

    use super::*;

    fn line() -> [u8; 1_024] {
        let mut line = [b'x'; 1_024];
        line[1_023] = b'\n';
        line
    }

    fn piped() -> (io::PipeReader, Writer) {
        let (reader, pipe) = io::pipe().unwrap();
        let writer = Writer::start(Output::of(OwnedFd::from(pipe).into()));
        (reader, writer.unwrap())
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
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    }

    #[test]
    fn what_comes_faster_than_it_is_taken_is_dropped_and_counted() {
        let (mut reader, writer) = piped();
        let line = line();
        // A pipe takes 64 KiB; so much may be with the thread, and so much in the queue.
        let most = (64 * 1_024 + 2 * MOST_WAITING) / line.len();
        for _ in 0..most + 1_000 {
            writer.take(&line);
        }
        {
            let state = writer.0.state.lock();
            assert!(state.dropped.lines >= 1_000, "{}", state.dropped.lines);
            assert!(state.dropped.said > 0, "it is said although nobody reads");
        }
        let reading = thread::spawn(move || {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).unwrap();
            read.len()
        });
        writer.close();
        let dropped = writer.0.state.lock().dropped.lines;
        drop(writer);
        let read = reading.join().unwrap() as u64;
        assert_eq!(read / 1_024 + dropped, most as u64 + 1_000);
    }

    #[test]
    fn what_nobody_reads_keeps_no_stop_waiting_and_is_counted() {
        let (_reader, writer) = piped();
        let line = line();
        // The pipe takes 64, and the thread waits with at least one.
        for _ in 0..200 {
            writer.take(&line);
        }
        let began = Instant::now();
        writer.close();
        assert!(began.elapsed() < 2 * LAST_WAIT, "{:?}", began.elapsed());
        let state = writer.0.state.lock();
        assert!(state.writing && state.waiting.is_empty());
        assert_eq!(state.dropped.said, state.dropped.lines);
    }

    #[test]
    fn what_is_dropped_is_said_at_a_pace() {
        let (mut dropped, began) = (Dropped::default(), Instant::now());
        assert_eq!(dropped.take_unsaid(began), None);
        dropped.lines = 1;
        assert_eq!(dropped.take_unsaid(began), Some(1));
        dropped.lines = 5;
        assert_eq!(dropped.take_unsaid(began + PACE / 2), None);
        assert_eq!(dropped.take_unsaid(began + PACE), Some(5));
        assert_eq!(dropped.take_unsaid(began + 3 * PACE), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_cannot_be_written_is_counted() {
        let full = fs::File::options().append(true).open("/dev/full").unwrap();
        let writer = Writer::start(Output::of(full)).unwrap();
        for _ in 0..10 {
            writer.take(b"line\n");
        }
        writer.close();
        assert_eq!(writer.0.state.lock().dropped.lines, 10);
    }
}
