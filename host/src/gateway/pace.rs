//! How fast the answers of one HTTP/2 connection are taken, and how many may wait to be.
//!
//! A client of HTTP/2 can be alive, answer pings, and take nothing: each stream has a window of its own, which only the client opens. So each answer has its own
//! patience, and those of one connection have a bound together.

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

use super::signs::{Busy, Signs};

/// The pieces that an answer is sent in: one frame of HTTP/2 each, at the size that every client takes.
const PIECE: usize = 16 * 1024;
/// What the answers of one HTTP/2 connection may take of the memory, those that are made and those that are being made.
const ROOM: u64 = 64 << 20;
/// What it is counted in.
const UNIT: u64 = 1024;

tokio::task_local! {
    /// The pace of the stream whose task this is.
    static PACE: Arc<Pace>;
}

/// Runs the streams of one HTTP/2 connection.
#[derive(Clone)]
pub(super) struct Streams {
    tasks: TaskTracker,
    patience: Patience,
    room: Arc<Semaphore>,
}

/// How long a client may take nothing of an answer.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    pub usual: Duration,
    /// When the port closes.
    pub last: Duration,
    /// Cancelled when it does.
    pub closing: CancellationToken,
}

/// How an answer is taken.
#[derive(Debug)]
struct Pace {
    began: Instant,
    /// Since when a piece waits for the client; 0 while none does.
    waits_since: AtomicU64,
    /// Told when the first piece is there.
    begins: Notify,
    patience: Patience,
    room: Arc<Semaphore>,
    /// The answer's part of the connection's room.
    taken: Mutex<Option<OwnedSemaphorePermit>>,
}

/// A connection holds as many answers as it may, and its client takes none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} MiB of responses wait to be read on this connection; read them before sending more requests", ROOM >> 20)]
pub(super) struct NoRoom;

impl Streams {
    pub(super) fn new(tasks: TaskTracker, patience: Patience) -> Self {
        let room = usize::try_from(ROOM / UNIT).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            tasks,
            patience,
            room: Arc::new(Semaphore::new(room)),
        }
    }
}

impl<F: Future<Output: Send + 'static> + Send + 'static> hyper::rt::Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let pace = Arc::new(Pace {
            began: Instant::now(),
            waits_since: AtomicU64::new(0),
            begins: Notify::new(),
            patience: self.patience.clone(),
            room: Arc::clone(&self.room),
            taken: Mutex::default(),
        });
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                _ = PACE.scope(Arc::clone(&pace), stream) => {}
                // Dropping the stream resets it, and gives back what was waiting.
                () = pace.stalls() => tracing::debug!("a client did not read its response"),
            }
        });
    }
}

/// Makes room for an answer of at most so many bytes, where the connection may have others: waits as long as its client may take for those.
pub(super) async fn make_room(bytes: u64) -> Result<(), NoRoom> {
    let Ok(pace) = PACE.try_with(Arc::clone) else {
        // HTTP/1.1 has one answer at a time.
        return Ok(());
    };
    let units = bytes.min(ROOM).div_ceil(UNIT);
    let units = u32::try_from(units).unwrap_or(u32::MAX);
    let acquiring = Arc::clone(&pace.room).acquire_many_owned(units);
    match timeout(pace.patience.usual, acquiring).await {
        Ok(Ok(taken)) => {
            *pace.taken.lock() = Some(taken);
            Ok(())
        }
        // The semaphore is never closed.
        Ok(Err(_)) | Err(_) => Err(NoRoom),
    }
}

impl Pace {
    /// The answer is this long: what it does not need is given back.
    fn settle(&self, bytes: u64) {
        let mut taken = self.taken.lock();
        let needed = usize::try_from(bytes.div_ceil(UNIT)).unwrap_or(usize::MAX);
        if let Some(taken) = &mut *taken {
            let surplus = taken.num_permits().saturating_sub(needed);
            drop(taken.split(surplus));
        }
    }

    /// A piece is there for the client.
    fn wait(&self) {
        let before = self.waits_since.swap(self.now().max(1), Relaxed);
        if before == 0 {
            self.begins.notify_one();
        }
    }

    /// The client took it.
    fn resume(&self) {
        self.waits_since.store(0, Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Waits until the client has taken nothing for too long.
    async fn stalls(&self) {
        self.begins.notified().await;
        let Patience {
            usual,
            last,
            closing,
        } = &self.patience;
        loop {
            let is_closing = closing.is_cancelled();
            let patience = if is_closing { *last } else { *usual };
            let waited = match self.waits_since.load(Relaxed) {
                0 => Duration::ZERO,
                since => Duration::from_millis(self.now().saturating_sub(since)),
            };
            if waited >= patience {
                return;
            }
            tokio::select! {
                () = sleep(patience - waited) => {}
                () = closing.cancelled(), if !is_closing => {}
            }
        }
    }
}

/// Answers requests, and knows when they are.
pub(super) struct Paced<S> {
    service: S,
    signs: Arc<Signs>,
}

impl<S> Paced<S> {
    pub(super) fn new(service: S, signs: Arc<Signs>) -> Self {
        Self { service, signs }
    }
}

impl<S, B> Service<Request<Incoming>> for Paced<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    type Response = Response<Pieces<B>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let Some(busy) = self.signs.begin() else {
            // The connection is let go: nobody would hear the answer.
            return Box::pin(std::future::pending());
        };
        let answering = self.service.call(request);
        Box::pin(async move {
            let response = answering.await?;
            Ok(response.map(|body| Pieces::new(body, busy)))
        })
    }
}

/// The body of an answer, in pieces whose going is watched.
///
/// The last byte is a piece of its own: HTTP/2 takes a piece as soon as a window has room for a part of it, so that only when it has taken the last byte there is room
/// for all the rest, and nothing of an answer is left behind in its buffers when nobody watches any more.
pub(super) struct Pieces<B> {
    body: B,
    rest: Bytes,
    pace: Option<Arc<Pace>>,
    _busy: Busy,
}

impl<B: Body<Data = Bytes> + Unpin> Pieces<B> {
    fn new(body: B, busy: Busy) -> Self {
        let pace = PACE.try_with(Arc::clone).ok();
        if let Some(pace) = &pace {
            pace.settle(body.size_hint().lower());
        }
        Self {
            body,
            rest: Bytes::new(),
            pace,
            _busy: busy,
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

impl<B: Body<Data = Bytes> + Unpin> Body for Pieces<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Some(pace) = self.pace.clone() else {
            return Pin::new(&mut self.body).poll_frame(context);
        };
        pace.resume();
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
        pace.wait();
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
