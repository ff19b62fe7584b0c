//! The byte stream of a connection, with a write time-out.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::{connection_state::ConnectionState, parse_error};

/// How long a connection is kept for a client that still sends what nobody reads.
const LINGER: Duration = Duration::from_secs(2);

/// A connection, whatever it is carried by, that gives up on a client that does not read, and lingers for one that still sends.
#[derive(Debug)]
pub(super) struct ConnectionStream<Wire> {
    wire: Wire,
    state: Arc<ConnectionState>,
    write_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    lingering: Option<Pin<Box<Sleep>>>,
    /// Whether all that was to be written is: what is written next begins a message.
    is_between: bool,
    /// What is written instead of something, and how long that was.
    instead: Option<(Bytes, usize)>,
}

impl<Wire: AsyncRead + AsyncWrite + Unpin> ConnectionStream<Wire> {
    pub(super) fn new(wire: Wire, state: Arc<ConnectionState>, write_timeout: Duration) -> Self {
        Self {
            wire,
            state,
            write_timeout,
            stalled: None,
            lingering: None,
            is_between: true,
            instead: None,
        }
    }

    /// Bounds how long writing may stand still.
    fn bounded<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            self.state.note_progress();
            return written;
        }
        let timeout = self.write_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(timeout)));
        self.state.note_stalled();
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Whether the parser's own answer to what is no request begins here. Then something more helpful is written instead of it.
    fn begins_refusal(&mut self, bytes: &[u8]) -> bool {
        if self.instead.is_none() && self.is_between && !self.state.is_http2() {
            self.instead =
                parse_error::response_instead_of(bytes).map(|answer| (answer, bytes.len()));
            if self.instead.is_some() {
                self.state.linger();
            }
        }
        self.is_between = false;
        self.instead.is_some()
    }

    /// Writes what is written instead, and says that the rest was.
    fn write_instead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        while let Some((rest, length)) = &mut self.instead {
            if rest.is_empty() {
                let length = *length;
                self.instead = None;
                return Poll::Ready(Ok(length));
            }
            let written = Pin::new(&mut self.wire).poll_write(context, rest);
            if let Poll::Ready(Ok(written)) = written {
                rest.advance(written);
            }
            ready!(self.bounded(context, written))?;
        }
        Poll::Ready(Ok(0))
    }
}

impl<Wire: AsyncRead + Unpin> AsyncRead for ConnectionStream<Wire> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.wire).poll_read(context, buffer))?;
        let received = buffer.filled().get(before..).unwrap_or_default();
        self.state.note_received(received);
        Poll::Ready(Ok(()))
    }
}

impl<Wire: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ConnectionStream<Wire> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.begins_refusal(bytes) {
            return self.write_instead(context);
        }
        let written = Pin::new(&mut self.wire).poll_write(context, bytes);
        self.bounded(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.first().map_or(&[][..], |slice| slice);
        if self.begins_refusal(first) {
            return self.write_instead(context);
        }
        let written = Pin::new(&mut self.wire).poll_write_vectored(context, slices);
        self.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    /// Is asked for when everything is written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_between = true;
        // TLS keeps a part of what was written until it is taken.
        let flushed = Pin::new(&mut self.wire).poll_flush(context);
        self.bounded(context, flushed)
    }

    /// Says that nothing more comes. If the client was sending, takes what it sends, for a while, until it has read the answer and closes.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let lingering = self
            .lingering
            .get_or_insert_with(|| Box::pin(sleep(LINGER)));
        if lingering.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        // TLS says farewell, to a client that may take nothing.
        ready!(Pin::new(&mut self.wire).poll_shutdown(context))?;
        if !self.state.has_unread() {
            return Poll::Ready(Ok(()));
        }
        let mut discarded = [0; 16 * 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut discarded);
            let read = ready!(Pin::new(&mut self.wire).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
