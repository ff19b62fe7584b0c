//! A connection's bytes, with patience that ends.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{HeaderMap, HeaderValue, Version, header};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// How long a connection is kept for a client that still sends what nobody reads.
const LINGER: Duration = Duration::from_secs(2);

/// What is known of a connection while it lasts.
#[derive(Debug, Default)]
pub(crate) struct Signs {
    /// Whether a request's body was left unread.
    unread: AtomicBool,
    /// Whether there has been a request.
    asked: AtomicBool,
    received: AtomicU64,
}

impl Signs {
    /// A request is answered before its body was read, so its connection is not used again, and the answer says so. When it is closed, the client may
    /// still be sending: closing at once would answer that with a reset, which can take the answer away from a client that has not read it yet.
    pub(crate) fn leave_unread(&self, version: Version, answer: &mut HeaderMap) {
        self.unread.store(true, Relaxed);
        if version <= Version::HTTP_11 {
            answer.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }

    /// A request has come.
    pub(crate) fn ask(&self) {
        self.asked.store(true, Relaxed);
    }

    /// Whether a request has come.
    pub(crate) fn has_asked(&self) -> bool {
        self.asked.load(Relaxed)
    }

    /// How many bytes have come.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }
}

/// A TCP connection that gives up on a client that does not read, and lingers for one that still sends.
#[derive(Debug)]
pub(crate) struct Stream {
    tcp: TcpStream,
    signs: Arc<Signs>,
    write_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    lingering: Option<Pin<Box<Sleep>>>,
}

impl Stream {
    pub(crate) fn new(tcp: TcpStream, signs: Arc<Signs>, write_timeout: Duration) -> Self {
        Self {
            tcp,
            signs,
            write_timeout,
            stalled: None,
            lingering: None,
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
            return written;
        }
        let timeout = self.write_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(context, buffer))?;
        self.signs
            .received
            .fetch_add((buffer.filled().len() - before) as u64, Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(context, bytes);
        self.bounded(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write_vectored(context, slices);
        self.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    /// Says that nothing more comes. If the client was sending, takes what it sends, for a while, until it has read the answer and closes.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.tcp).poll_shutdown(context))?;
        if !self.signs.unread.load(Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let lingering = self
            .lingering
            .get_or_insert_with(|| Box::pin(sleep(LINGER)));
        if lingering.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut discarded = [0; 16 * 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut discarded);
            let read = ready!(Pin::new(&mut self.tcp).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
