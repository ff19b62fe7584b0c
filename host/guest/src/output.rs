//! Log lines of guests: from `wasi:logging`, and from their standard output.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use crate::bindings::wasi::logging::logging::Level;
use crate::log_gate::LogGate;
use crate::services::{InvocationInfo, Services};

/// The longest name of a group of lines that is kept whole, in bytes.
const LONGEST_GROUP: usize = 128;
/// About what a line takes besides what the guest says, in bytes: its time, and who says it.
const AROUND: usize = 256;

/// Writes one line of a guest to the host's log, if its gate admits it.
pub(super) fn log(services: &mut dyn Services, level: Level, group: &str, message: &str) {
    let gate = services.log_gate();
    if let Some((group, message)) = admitted(&*gate, level, group, message) {
        write(services.invocation().ok().as_ref(), level, group, message);
    }
}

/// What is written of a line; none when nobody wants it, or the gate refuses it.
fn admitted<'a>(
    gate: &dyn LogGate,
    level: Level,
    group: &'a str,
    message: &'a str,
) -> Option<(&'a str, &'a str)> {
    if !is_wanted(level) {
        return None;
    }
    let group = clip(group, LONGEST_GROUP);
    let message = clip(message, gate.longest_line());
    let bytes = AROUND + written(group) + written(message);
    gate.admit(bytes).then_some((group, message))
}

fn is_wanted(level: Level) -> bool {
    match level {
        Level::Trace => tracing::enabled!(target: "guest", tracing::Level::TRACE),
        Level::Debug => tracing::enabled!(target: "guest", tracing::Level::DEBUG),
        Level::Info => tracing::enabled!(target: "guest", tracing::Level::INFO),
        Level::Warn => tracing::enabled!(target: "guest", tracing::Level::WARN),
        Level::Error | Level::Critical => {
            tracing::enabled!(target: "guest", tracing::Level::ERROR)
        }
    }
}

/// About how many bytes a text takes in the log, where some characters are escaped.
fn written(text: &str) -> usize {
    let bytes = text.bytes().map(|byte| match byte {
        0..0x20 | 0x7f | b'"' | b'\\' => 6,
        0x80.. => 2,
        _ => 1,
    });
    bytes.sum()
}

fn write(invocation: Option<&InvocationInfo>, level: Level, group: &str, message: &str) {
    let (context, version, correlation_id) = match invocation {
        Some(invocation) => (
            invocation.context.as_str(),
            invocation.version.as_str(),
            invocation.correlation_id.as_str(),
        ),
        None => ("", "", ""),
    };
    match level {
        Level::Trace => {
            tracing::trace!(target: "guest", context, version, correlation_id, group, "{message}")
        }
        Level::Debug => {
            tracing::debug!(target: "guest", context, version, correlation_id, group, "{message}")
        }
        Level::Info => {
            tracing::info!(target: "guest", context, version, correlation_id, group, "{message}")
        }
        Level::Warn => {
            tracing::warn!(target: "guest", context, version, correlation_id, group, "{message}")
        }
        Level::Error | Level::Critical => {
            tracing::error!(target: "guest", context, version, correlation_id, group, "{message}");
        }
    }
}

fn clip(text: &str, longest: usize) -> &str {
    text.get(..text.floor_char_boundary(longest))
        .unwrap_or_default()
}

/// A guest's standard output or error, as lines of the log. What stands in one line may be written piece by piece, and by several streams.
#[derive(Clone)]
pub(super) struct LogLines(Arc<Mutex<Lines>>);

impl LogLines {
    pub(super) fn of(services: &mut dyn Services) -> Self {
        let invocation = services.invocation().ok().map(Arc::new);
        Self::new(invocation, services.log_gate())
    }

    /// Lines of the same invocation, which do not mix with these.
    pub(super) fn beside(&self) -> Self {
        let lines = self.0.lock();
        Self::new(lines.invocation.clone(), lines.gate.clone())
    }

    fn new(invocation: Option<Arc<InvocationInfo>>, gate: Arc<dyn LogGate>) -> Self {
        Self(Arc::new(Mutex::new(Lines {
            invocation,
            gate,
            unfinished: Vec::new(),
        })))
    }
}

struct Lines {
    invocation: Option<Arc<InvocationInfo>>,
    gate: Arc<dyn LogGate>,
    /// The beginning of a line whose end was not written yet.
    unfinished: Vec<u8>,
}

impl Lines {
    fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (piece, is_end) = match piece.split_last() {
                Some((b'\n', piece)) => (piece, true),
                _ => (piece, false),
            };
            // Of a line that is too long the rest is not kept; a character is cut as a whole where it is written.
            let most = self.gate.longest_line().saturating_add(4);
            let room = most.saturating_sub(self.unfinished.len());
            self.unfinished
                .extend_from_slice(piece.get(..room).unwrap_or(piece));
            if is_end {
                self.end();
            }
        }
    }

    /// Writes the line that has ended.
    fn end(&mut self) {
        let line = std::mem::take(&mut self.unfinished);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches('\r');
        if !line.is_empty()
            && let Some((group, line)) = admitted(&*self.gate, Level::Info, "output", line)
        {
            write(self.invocation.as_deref(), Level::Info, group, line);
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // What the guest has ended without an end of its line.
        self.end();
    }
}

impl IsTerminal for LogLines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogLines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for LogLines {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.0.lock().take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_clipped_stays_text() {
        assert_eq!(clip("short", 8), "short");
        assert_eq!(clip("\u{e9}\u{e9}", 3), "\u{e9}");
        assert_eq!(clip("\u{e9}", 0), "");
    }

    #[test]
    fn what_is_escaped_counts_as_it_is_written() {
        assert_eq!(written("calm"), 4);
        assert_eq!(written("\0\n\"\\"), 24);
    }
}
