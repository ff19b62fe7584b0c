//! Serves one connection: HTTP/1.1, or HTTP/2 of clients that know it is spoken here.

use std::{
    convert::Infallible, error::Error, future::poll_fn, pin::pin, sync::Arc, task::Poll,
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    service::Service,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, interval, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::debug;

use super::{
    connection_state::ConnectionState,
    connection_stream::ConnectionStream,
    http2_backpressure::{StallTimeout, StreamExecutor, TrackedService},
};
use crate::manifest::GatewaySettings;

/// Requests that one HTTP/2 connection may have at once.
const MOST_STREAMS: u32 = 128;
/// The biggest head of a request, in bytes: path, query and headers.
pub(super) const BIGGEST_HEAD: usize = 64 * 1024;
/// What of each answer may wait for the network, once the client has made room for it.
const BUFFERED: usize = 64 * 1024;
/// After how much silence an HTTP/2 client is asked whether it is still there, and how long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How long a client that has connected but not asked yet is waited for when the port closes: its request is on its way.
pub(super) const FIRST_REQUEST: Duration = Duration::from_millis(500);
/// How long an idle HTTP/2 client may take to leave when it is told that its connection ends.
const FAREWELL: Duration = Duration::from_secs(1);
/// How often it is looked, while the port closes, whether a connection is worth waiting for.
const LOOK: Duration = Duration::from_millis(100);
/// The part of the time to drain for which a client may do nothing.
const PART_OF_DRAIN: u32 = 4;

/// How connections are served.
#[derive(Clone)]
pub(crate) struct Protocol {
    tasks: TaskTracker,
    header_timeout: Duration,
    write_timeout: Duration,
    /// The write time-out when the port closes.
    drain_timeout: Duration,
}

/// How the host ends a connection.
#[derive(Clone)]
pub(crate) struct ConnectionShutdown {
    /// Cancelled to answer the requests in flight and accept no more.
    pub(crate) graceful: CancellationToken,
    /// Cancelled to close the connection at once.
    pub(crate) forced: CancellationToken,
}

/// How long a client that is to send or to take something may do nothing when the port closes: it must not use up what others have to end.
pub(super) fn drain_timeout(drain: Duration) -> Duration {
    drain / PART_OF_DRAIN
}

impl Protocol {
    pub(crate) fn new(settings: &GatewaySettings, tasks: &TaskTracker) -> Self {
        Self {
            tasks: tasks.clone(),
            header_timeout: settings.header_timeout,
            write_timeout: settings.write_timeout,
            drain_timeout: drain_timeout(settings.drain).min(settings.write_timeout),
        }
    }

    fn builder(&self, closing: CancellationToken) -> Builder<StreamExecutor> {
        let timeouts = StallTimeout {
            normal: self.write_timeout,
            draining: self.drain_timeout,
            closing,
        };
        let mut builder = Builder::new(StreamExecutor::new(self.tasks.clone(), timeouts));
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_buf_size(BIGGEST_HEAD);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MOST_STREAMS)
            // What is bigger than it may be, but not by much, is answered with more than a status.
            .max_header_list_size(2 * BIGGEST_HEAD as u32)
            .max_send_buf_size(BUFFERED)
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        builder
    }

    /// Serves a connection to its end. `state` show how it is meanwhile.
    pub(crate) async fn serve<W, S, B>(
        self,
        wire: W,
        state: Arc<ConnectionState>,
        service: S,
        shutdown: ConnectionShutdown,
    ) where
        W: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
        S::Future: Send + 'static,
        B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
    {
        let stream = TokioIo::new(ConnectionStream::new(
            wire,
            Arc::clone(&state),
            self.write_timeout,
        ));
        let builder = self.builder(shutdown.graceful.clone());
        let service = TrackedService::new(service, Arc::clone(&state));
        let mut connection = pin!(builder.serve_connection(stream, service));
        let mut idle_timeout = pin!(self.idle_timeout(&state));
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => Some(ended),
            () = shutdown.forced.cancelled() => return,
            () = shutdown.graceful.cancelled() => None,
            () = idle_timeout.as_mut() => {
                if !state.is_http2() {
                    return;
                }
                None
            }
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                if shutdown.graceful.is_cancelled() {
                    let first_request =
                        poll_fn(|context| match connection.as_mut().poll(context) {
                            Poll::Ready(ended) => Poll::Ready(Some(ended)),
                            Poll::Pending if state.has_requested() => Poll::Ready(None),
                            Poll::Pending => Poll::Pending,
                        });
                    if let Ok(Some(ended)) = timeout(FIRST_REQUEST, first_request).await {
                        return note(ended);
                    }
                }
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    biased;
                    ended = connection.as_mut() => ended,
                    () = shutdown.forced.cancelled() => return,
                    () = self.shutdown_timeout(&state) => return,
                }
            }
        };
        note(ended);
    }

    /// Waits until nothing has been asked for as long as a client may take to ask: the timers of HTTP/1.1 see to that themselves once it is spoken.
    async fn idle_timeout(&self, state: &ConnectionState) {
        sleep(self.header_timeout).await;
        loop {
            if !state.is_protocol_unknown() && !state.is_http2() {
                return std::future::pending().await;
            }
            match state.idle_for() {
                Some(idle) if idle >= self.header_timeout => return,
                Some(idle) => sleep(self.header_timeout - idle).await,
                None => sleep(self.header_timeout / 4).await,
            }
        }
    }

    /// Waits until a connection that is to end is not worth waiting for: its client takes nothing of what there is for it, or nothing is asked.
    async fn shutdown_timeout(&self, state: &ConnectionState) {
        let began = Instant::now();
        let mut looks = interval(LOOK);
        loop {
            looks.tick().await;
            let closing = state.closing().is_cancelled();
            let (stalled, farewell) = match closing {
                true => (self.drain_timeout, FIRST_REQUEST),
                false => (self.write_timeout, FAREWELL),
            };
            let is_stalled = state.stalled_for().is_some_and(|time| time >= stalled);
            let is_idle = began.elapsed() >= farewell
                && state.idle_for().is_some_and(|time| time >= farewell);
            if is_stalled || (is_idle && state.close_if_idle()) {
                return;
            }
        }
    }
}

fn note(ended: Result<(), Box<dyn Error + Send + Sync>>) {
    if let Err(error) = ended {
        debug!("connection ended early: {error}");
    }
}
