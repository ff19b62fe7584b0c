//! The committer: one thread that turns units of work into commits, in groups, with one flush for each group.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::ledger::{CommitterHandle, Ledger};
use super::shutdown::Shutdown;
use super::worker::Worker;
use super::{CommitError, Durability, Error, FreeSpace, Journal, Merge, Quota, Store, Unit};

/// How long the committer pauses at the longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How the committer works.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many units of work may wait, of all contexts.
    pub max_pending: usize,
    /// How many of them may be of one context.
    pub max_pending_of_context: usize,
    /// How many units of work go into one group at most.
    pub group: usize,
    /// How long a relaxed commit may stay out of the disk.
    pub flush_every: Duration,
    /// What the recent writes of all contexts may take, to find conflicts, in bytes.
    pub window: usize,
    /// What is to stay free on the volume; nothing where there is none.
    pub free_space: Option<Arc<FreeSpace>>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            max_pending: 8_192,
            max_pending_of_context: 1_024,
            group: 1_024,
            flush_every: Duration::from_millis(200),
            window: 32 << 20,
            free_space: None,
        }
    }
}

/// Commits for all contexts of a store.
pub struct Committer {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Task>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the committer shares with its thread.
pub(super) struct Shared {
    pub store: Arc<dyn Store>,
    pub options: Options,
    pub ledgers: Mutex<Vec<Arc<Ledger>>>,
    pub shutdown: Arc<Shutdown>,
    /// The places of those who read much.
    pub readers: Arc<Semaphore>,
    /// Asks the thread to stop.
    pub stop: CancellationToken,
    /// Tells that it has.
    pub stopped: CancellationToken,
}

/// What became of a unit of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its place among the commits of its context.
    pub position: u64,
    /// The flush that it was answered after; none where it did not wait for one.
    pub flush: Option<Flush>,
}

/// One flush, of all that was visible and not on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flush {
    /// When it began.
    pub began: Instant,
    /// How long it took.
    pub took: Duration,
    /// How many commits waited for it.
    pub commits: usize,
}

/// Where a unit of work is answered.
pub(super) type Answer = oneshot::Sender<Result<Committed, CommitError>>;

/// What waits in the queue.
pub(super) enum Task {
    Commit(Box<Submission>),
    Barrier(oneshot::Sender<Result<(), CommitError>>),
    Pause(PauseRequest),
}

/// The committer's side of a [`Pause`].
pub(super) struct PauseRequest {
    /// Tells that nothing is committed from now on.
    paused: std::sync::mpsc::SyncSender<()>,
    /// Ends when the pause does.
    resumed: std::sync::mpsc::Receiver<()>,
    /// Is set when it took too long.
    has_timed_out: Arc<AtomicBool>,
}

/// While this is there nothing is committed; not for long.
pub(super) struct Pause {
    _resume: std::sync::mpsc::SyncSender<()>,
    has_timed_out: Arc<AtomicBool>,
}

impl Pause {
    /// Lets the committer go on, and says whether it has paused all the time.
    pub fn resume(self) -> bool {
        !self.has_timed_out.load(Ordering::Acquire)
    }
}

impl PauseRequest {
    /// Waits until the pause ends, or has taken too long.
    pub fn wait(self) {
        // Who asked may be gone.
        if self.paused.send(()).is_ok()
            && self.resumed.recv_timeout(LONGEST_PAUSE) == Err(RecvTimeoutError::Timeout)
        {
            self.has_timed_out.store(true, Ordering::Release);
        }
    }
}

/// A unit of work that waits for its commit.
pub(super) struct Submission {
    pub ledger: usize,
    pub unit: Unit,
    /// What it changes without having read it.
    pub merges: Vec<Merge>,
    pub durability: Durability,
    /// What its context may keep, where that counts.
    pub quota: Option<Quota>,
    pub answer: Answer,
    /// Its place among those of its context that wait.
    pub _place: Place,
}

impl Submission {
    /// About how many bytes it adds to the journal.
    pub fn size(&self) -> usize {
        self.unit.size() + self.merges.iter().map(Merge::size).sum::<usize>()
    }

    /// About how many changes it makes in the engine.
    pub fn changes(&self) -> usize {
        self.unit.changes() + self.merges.len()
    }
}

/// A place among the units of work of a context that wait; left when this is dropped.
pub(super) struct Place(Arc<AtomicUsize>);

impl Place {
    /// One of so many; none when all are taken.
    pub fn take(taken: &Arc<AtomicUsize>, most: usize) -> Option<Place> {
        // From here on it is given back, whatever comes.
        let place = Place(taken.clone());
        (taken.fetch_add(1, Ordering::AcqRel) < most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Committer {
    /// Starts the committer's thread.
    pub fn start(store: Arc<dyn Store>, options: Options) -> Result<Arc<Committer>, Error> {
        let cannot_start = |error: std::io::Error| Error::Start {
            reason: error.to_string(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(cannot_start)?;
        let (queue, tasks) = mpsc::channel(options.max_pending.max(1));
        let readers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let shared = Arc::new(Shared {
            store,
            options,
            ledgers: Mutex::default(),
            shutdown: Arc::default(),
            readers: Arc::new(Semaphore::new(readers)),
            stop: CancellationToken::new(),
            stopped: CancellationToken::new(),
        });
        let worker = Worker::new(shared.clone(), tasks);
        let thread = std::thread::Builder::new()
            .name("innkeeper-committer".into())
            .spawn(move || runtime.block_on(worker.run()))
            .map_err(cannot_start)?;
        let thread = Mutex::new(Some(thread));
        Ok(Arc::new(Committer {
            shared,
            queue,
            thread,
        }))
    }

    /// The ledger of a context. Later calls give the same one, as it was opened first. May read the disk: call it where blocking is allowed.
    pub fn open(&self, context: &str, durability: Durability) -> Result<Arc<Ledger>, Error> {
        let mut ledgers = self.shared.ledgers.lock();
        if let Some(ledger) = ledgers.iter().find(|ledger| ledger.context() == context) {
            return Ok(ledger.clone());
        }
        let journal = self.shared.store.open(context)?;
        journal.upgrade()?;
        let committer = CommitterHandle {
            index: ledgers.len(),
            queue: self.queue.clone(),
            shutdown: self.shared.shutdown.clone(),
            readers: self.shared.readers.clone(),
            max_pending: self.shared.options.max_pending_of_context.max(1),
        };
        let ledger = Arc::new(Ledger::new(context, durability, journal, committer)?);
        ledgers.push(ledger.clone());
        Ok(ledger)
    }

    /// The journals here that nobody has opened, to be read. Blocks.
    pub fn unopened(&self) -> Result<BTreeMap<String, Arc<dyn Journal>>, Error> {
        let ledgers = self.shared.ledgers.lock();
        let is_open = |name: &String| ledgers.iter().any(|ledger| ledger.context() == name);
        let names = self.shared.store.contexts()?.into_iter();
        let unopened = names.filter(|name| !is_open(name));
        unopened
            .map(|name| {
                let journal = self.shared.store.open(&name)?;
                Ok((name, journal))
            })
            .collect()
    }

    /// How far the journal of a context goes for readers; none when nobody has opened it.
    pub(super) fn applied(&self, context: &str) -> Option<u64> {
        let ledgers = self.shared.ledgers.lock();
        let ledger = ledgers.iter().find(|ledger| ledger.context() == context);
        ledger.map(|ledger| ledger.applied())
    }

    /// Has it pause, with everything before on disk. Blocks until it does.
    pub(super) fn pause(&self) -> Result<Pause, Error> {
        let (paused, is_paused) = std::sync::mpsc::sync_channel(1);
        let (resume, resumed) = std::sync::mpsc::sync_channel(0);
        let has_timed_out = Arc::new(AtomicBool::new(false));
        let request = PauseRequest {
            paused,
            resumed,
            has_timed_out: has_timed_out.clone(),
        };
        let sent = self.queue.blocking_send(Task::Pause(request));
        sent.map_err(|_| Error::Closed)?;
        is_paused.recv().map_err(|_| Error::Closed)?;
        Ok(Pause {
            _resume: resume,
            has_timed_out,
        })
    }

    /// What is to stay free on its volume; nothing where there is none.
    pub fn free_space(&self) -> Option<&FreeSpace> {
        self.shared.options.free_space.as_deref()
    }

    /// The store that it commits to.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// Commits what waits, flushes, and stops. Dropping does the same, and blocks meanwhile.
    pub async fn close(&self) {
        self.shared.stop.cancel();
        self.shared.stopped.cancelled().await;
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        if let Some(thread) = self.thread.lock().take() {
            // It has told everyone who waits if it ended badly.
            let _ended = thread.join();
        }
    }
}
