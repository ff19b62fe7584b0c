//! Backpressure of HTTP/2: a time-out for each response that its client does not read, and a limit of the unread responses of one connection.
//!
//! A client of HTTP/2 can be alive, answer pings, and read nothing: each stream has a flow-control window of its own, which only the client opens. A time-out of the
//! connection would not notice.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::TryFutureExt;
use hyper::{
    Request, Response,
    body::{Body, Frame, Incoming, SizeHint},
    service::Service,
};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::connection_state::{ConnectionState, RequestGuard};

/// The size of the pieces that a response is sent in: one frame of HTTP/2 each, at the size that every client takes.
const PIECE: usize = 16 * 1024;
/// How many bytes the responses of one HTTP/2 connection may take, including those that are still being made.
const ROOM: u64 = 64 << 20;
/// The unit of that limit, in bytes.
const UNIT: u64 = 1024;

tokio::task_local! {
    /// The progress of the stream that this task runs.
    static PROGRESS: Arc<ResponseProgress>;
}

/// Runs the streams of one HTTP/2 connection.
#[derive(Clone)]
pub(super) struct StreamExecutor {
    tasks: TaskTracker,
    timeouts: StallTimeout,
    room: Arc<Semaphore>,
}

/// How long a client may read nothing of a response.
#[derive(Clone, Debug)]
pub(super) struct StallTimeout {
    pub normal: Duration,
    /// When the port closes.
    pub draining: Duration,
    /// Cancelled when it does.
    pub closing: CancellationToken,
}

/// How far the client has read a response.
#[derive(Debug)]
struct ResponseProgress {
    began: Instant,
    /// Since when a piece waits for the client; 0 while none does.
    waits_since: AtomicU64,
    /// Told when the first piece is there.
    begins: Notify,
    timeouts: StallTimeout,
    room: Arc<Semaphore>,
    /// The response's part of the connection's limit.
    reserved: Mutex<Option<OwnedSemaphorePermit>>,
}

/// The connection has as many unread responses as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} MiB of responses wait to be read on this connection; read them before sending more requests", ROOM >> 20)]
pub(super) struct TooManyUnreadResponses;

impl StreamExecutor {
    pub(super) fn new(tasks: TaskTracker, timeouts: StallTimeout) -> Self {
        let room = usize::try_from(ROOM / UNIT).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            tasks,
            timeouts,
            room: Arc::new(Semaphore::new(room)),
        }
    }
}

impl<F: Future<Output: Send + 'static> + Send + 'static> hyper::rt::Executor<F> for StreamExecutor {
    fn execute(&self, stream: F) {
        let progress = Arc::new(ResponseProgress {
            began: Instant::now(),
            waits_since: AtomicU64::new(0),
            begins: Notify::new(),
            timeouts: self.timeouts.clone(),
            room: Arc::clone(&self.room),
            reserved: Mutex::default(),
        });
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                _ = PROGRESS.scope(Arc::clone(&progress), stream) => {}
                // Dropping the stream resets it, and gives back what was waiting.
                () = progress.stalls() => tracing::debug!("a client did not read its response"),
            }
        });
    }
}

/// Reserves room for a response of at most `bytes`. Waits for the other responses of the connection to be read, as long as its client may take for that.
pub(super) async fn reserve_response(bytes: u64) -> Result<(), TooManyUnreadResponses> {
    let Ok(progress) = PROGRESS.try_with(Arc::clone) else {
        // HTTP/1.1 has one answer at a time.
        return Ok(());
    };
    let units = bytes.min(ROOM).div_ceil(UNIT);
    let units = u32::try_from(units).unwrap_or(u32::MAX);
    let acquiring = Arc::clone(&progress.room).acquire_many_owned(units);
    match Box::pin(timeout(progress.timeouts.normal, acquiring)).await {
        Ok(Ok(reserved)) => {
            *progress.reserved.lock() = Some(reserved);
            Ok(())
        }
        // The semaphore is never closed.
        Ok(Err(_)) | Err(_) => Err(TooManyUnreadResponses),
    }
}

impl ResponseProgress {
    /// Gives back what the response does not need, now that its length is known.
    fn settle(&self, bytes: u64) {
        let mut reserved = self.reserved.lock();
        let needed = usize::try_from(bytes.div_ceil(UNIT)).unwrap_or(usize::MAX);
        if let Some(reserved) = &mut *reserved {
            let surplus = reserved.num_permits().saturating_sub(needed);
            drop(reserved.split(surplus));
        }
    }

    /// A piece waits for the client.
    fn wait(&self) {
        let before = self.waits_since.swap(self.now().max(1), Relaxed);
        if before == 0 {
            self.begins.notify_one();
        }
    }

    /// The client has read it.
    fn resume(&self) {
        self.waits_since.store(0, Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Waits until the client has read nothing for too long.
    async fn stalls(&self) {
        self.begins.notified().await;
        let StallTimeout {
            normal,
            draining,
            closing,
        } = &self.timeouts;
        loop {
            let is_closing = closing.is_cancelled();
            let timeouts = if is_closing { *draining } else { *normal };
            let waited = match self.waits_since.load(Relaxed) {
                0 => Duration::ZERO,
                since => Duration::from_millis(self.now().saturating_sub(since)),
            };
            if waited >= timeouts {
                return;
            }
            tokio::select! {
                () = sleep(timeouts - waited) => {}
                () = closing.cancelled(), if !is_closing => {}
            }
        }
    }
}

/// Counts the requests that are being answered.
pub(super) struct TrackedService<S> {
    service: S,
    state: Arc<ConnectionState>,
}

impl<S> TrackedService<S> {
    pub(super) fn new(service: S, state: Arc<ConnectionState>) -> Self {
        Self { service, state }
    }
}

impl<S, B> Service<Request<Incoming>> for TrackedService<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    type Response = Response<TrackedBody<B>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let Some(busy) = self.state.begin_request() else {
            // The connection is let go: nobody would hear the answer.
            return Box::pin(std::future::pending());
        };
        // Mapped, not awaited in a block of its own, which would hold it twice.
        Box::pin(
            self.service
                .call(request)
                .map_ok(|response| response.map(|body| TrackedBody::new(body, busy))),
        )
    }
}

/// The body of a response, in pieces whose delivery is tracked.
///
/// The last byte is a piece of its own: HTTP/2 takes a piece as soon as a window has room for a part of it, so that only when it has taken the last byte there is room
/// for all the rest, and nothing of an answer is left behind in its buffers when nobody watches any more.
pub(super) struct TrackedBody<B> {
    body: B,
    rest: Bytes,
    progress: Option<Arc<ResponseProgress>>,
    _guard: RequestGuard,
}

impl<B: Body<Data = Bytes> + Unpin> TrackedBody<B> {
    fn new(body: B, busy: RequestGuard) -> Self {
        let progress = PROGRESS.try_with(Arc::clone).ok();
        if let Some(progress) = &progress {
            progress.settle(body.size_hint().lower());
        }
        Self {
            body,
            rest: Bytes::new(),
            progress,
            _guard: busy,
        }
    }

    fn piece(&mut self) -> Bytes {
        let size = match self.rest.len() {
            length @ ..=PIECE if length > 1 && self.body.is_end_stream() => length - 1,
            length => length.min(PIECE),
        };
        self.rest.split_to(size)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for TrackedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Some(progress) = self.progress.clone() else {
            return Pin::new(&mut self.body).poll_frame(context);
        };
        progress.resume();
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => return Poll::Ready(Some(Ok(Frame::data(data)))),
                    Ok(data) => self.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                other => return Poll::Ready(other),
            }
        }
        progress.wait();
        Poll::Ready(Some(Ok(Frame::data(self.piece()))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, hint) = (self.rest.len() as u64, self.body.size_hint());
        let mut whole = SizeHint::new();
        whole.set_lower(hint.lower() + rest);
        if let Some(upper) = hint.upper() {
            whole.set_upper(upper + rest);
        }
        whole
    }
}
