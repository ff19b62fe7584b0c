//! Serves one connection: HTTP/1.1, or HTTP/2 of clients that know it is spoken here.

use std::{
    convert::Infallible, error::Error, future::poll_fn, pin::pin, sync::Arc, task::Poll,
    time::Duration,
};

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
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::debug;

use super::stream::{Signs, Stream};
use crate::manifest::GatewaySettings;

/// Requests that one HTTP/2 connection may have at once.
const MOST_STREAMS: u32 = 128;
/// The biggest head of a request, in bytes: path, query and headers.
const BIGGEST_HEAD: usize = 64 * 1024;
/// After how much silence an HTTP/2 client is asked whether it is still there, and how long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// What an HTTP/2 client says first, in bytes. No request of HTTP/1.1 is shorter.
const PREFACE: u64 = 24;
/// How long a client that has connected but not asked yet is waited for when the port closes: its request is on its way.
const FIRST_REQUEST: Duration = Duration::from_millis(500);

/// How connections are served.
#[derive(Clone)]
pub(crate) struct Protocol {
    builder: Builder<Tracked>,
    header_timeout: Duration,
    write_timeout: Duration,
}

/// Runs the tasks of HTTP/2 streams, and knows when they have ended.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F: Future<Output: Send + 'static> + Send + 'static> hyper::rt::Executor<F> for Tracked {
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

/// The two ends of a connection that is not the client's wish.
#[derive(Clone)]
pub(crate) struct Endings {
    /// Answer what has come, take nothing more.
    pub(crate) soon: CancellationToken,
    /// Let go.
    pub(crate) now: CancellationToken,
}

impl Protocol {
    pub(crate) fn new(settings: &GatewaySettings, tasks: &TaskTracker) -> Self {
        let mut builder = Builder::new(Tracked(tasks.clone()));
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(settings.header_timeout)
            .max_buf_size(BIGGEST_HEAD);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MOST_STREAMS)
            .max_header_list_size(BIGGEST_HEAD as u32)
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        Self {
            builder,
            header_timeout: settings.header_timeout,
            write_timeout: settings.body_timeout,
        }
    }

    /// Serves a connection to its end. `signs` show how it is meanwhile.
    pub(crate) async fn serve<S, B>(
        self,
        tcp: TcpStream,
        signs: Arc<Signs>,
        service: S,
        endings: Endings,
    ) where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
        S::Future: Send + 'static,
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let stream = TokioIo::new(Stream::new(tcp, Arc::clone(&signs), self.write_timeout));
        let mut connection = pin!(self.builder.serve_connection(stream, service));
        let mut first_words = pin!(sleep(self.header_timeout));
        let mut spoke = false;
        let ended = loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => break ended,
                () = endings.soon.cancelled() => {
                    let first_request = poll_fn(|context| match connection.as_mut().poll(context) {
                        Poll::Ready(ended) => Poll::Ready(Some(ended)),
                        Poll::Pending if signs.has_asked() => Poll::Ready(None),
                        Poll::Pending => Poll::Pending,
                    });
                    if let Ok(Some(ended)) = timeout(FIRST_REQUEST, first_request).await {
                        break ended;
                    }
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        biased;
                        ended = connection.as_mut() => break ended,
                        () = endings.now.cancelled() => return,
                    }
                }
                // Until it is known which HTTP is spoken, no timer of hyper runs.
                () = first_words.as_mut(), if !spoke => {
                    spoke = true;
                    if signs.received() < PREFACE {
                        return;
                    }
                }
            }
        };
        if let Err(error) = ended {
            debug!("connection ended early: {error}");
        }
    }
}
