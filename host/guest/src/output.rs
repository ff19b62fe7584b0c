//! Log lines of guests: from `wasi:logging`, and from their standard output.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use crate::bindings::wasi::logging::logging::Level;
use crate::services::{Identity, Services};

/// The longest line that is kept whole, in bytes.
const LONGEST_LINE: usize = 8 << 10;

/// Writes one line of a guest to the host's log.
pub(super) fn log(identity: Option<&Identity>, level: Level, group: &str, message: &str) {
    let (context, version, correlation_id) = match identity {
        Some(identity) => (
            identity.context.as_str(),
            identity.version.as_str(),
            identity.correlation_id.as_str(),
        ),
        None => ("", "", ""),
    };
    let message = clip(message);
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

fn clip(line: &str) -> &str {
    let mut end = line.len().min(LONGEST_LINE);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.get(..end).unwrap_or_default()
}

/// A guest's standard output or error: each write becomes log lines.
#[derive(Clone)]
pub(super) struct LogLines(Option<Arc<Identity>>);

impl LogLines {
    pub(super) fn of(services: &mut dyn Services) -> Self {
        Self(services.identity().ok().map(Arc::new))
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
        for line in String::from_utf8_lossy(bytes)
            .lines()
            .filter(|line| !line.is_empty())
        {
            log(self.0.as_deref(), Level::Info, "output", line);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
