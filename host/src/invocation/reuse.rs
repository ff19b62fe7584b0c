//! Answers that are given again while they hold.
//!
//! A guest has no hidden inputs. So when a request has changed nothing, and all that its guest saw was the request, the configuration and what it read,
//! the same request gets the same answer without running the guest, for as long as nothing of that changes. It is the same check that lets an invocation
//! end which has only read: [`Ledger::holds`](crate::journal::Ledger::holds), from the position that the answer was true at. Nobody sees a stale answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::attempts::Basis;
use super::check_in::route_of;
use super::message::{Request, Response};
use crate::app::Context;
use crate::config;
use crate::journal::ReadSet;
use crate::memory::{Budget, Reservation};
use crate::rollout::Version;

/// What an answer takes besides its texts, in bytes.
const OVERHEAD: usize = 512;
/// What an answer is taken to need when the room for them is laid out, in bytes.
const USUAL: u64 = 2_048;

/// The answers of a version that may be given again; the least used go when there is no more room. A version that has given none holds no memory for them.
pub struct Answers {
    room: u64,
    given: ArcSwapOption<Memory>,
}

type Memory = Cache<Arc<Request>, Arc<Given>, Bytes>;

/// An answer that was given.
struct Given {
    response: Response,
    config: Arc<config::Values>,
    generation: u32,
    reads: ReadSet,
    /// No commit up to here has changed what was read.
    holds: AtomicU64,
    memory: Reservation,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Arc<Request>, Arc<Given>> for Bytes {
    fn weight(&self, _: &Arc<Request>, given: &Arc<Given>) -> u64 {
        given.memory.bytes()
    }
}

/// What an answer depends on besides the request and what is read, as it was before the guest was run.
pub(super) struct Circumstances {
    version: Arc<Version>,
    config: Arc<config::Values>,
    generation: u32,
    memory: Arc<Budget>,
}

impl Circumstances {
    /// As they are; none when no version serves that knows the request, or it is not one to read.
    pub fn of(context: &Context, request: &Request, correlation_id: &str) -> Option<Self> {
        (request.method == "GET").then_some(())?;
        let serving = context.serving();
        let key = &context.settings.rollout.key;
        let mut sides = serving.sides(|| request.affinity(key, correlation_id));
        let version = sides.next().filter(|version| {
            version.answers.room > 0 && route_of(version, request) == Some(&request.route)
        })?;
        Some(Self {
            version: version.clone(),
            config: context.config(),
            generation: serving.generation,
            memory: context.answers.clone(),
        })
    }

    /// The version whose answer it is.
    pub fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// The answer to a request, if one was given that still holds.
    pub async fn answer(&self, context: &Context, request: &Request) -> Option<Response> {
        let answers = self.version.answers.given.load();
        let answers = answers.as_ref()?;
        let given = answers.get(request)?;
        let began = context.ledger.applied();
        let holds = given.generation == self.generation
            && Arc::ptr_eq(&given.config, &self.config)
            && context
                .ledger
                .holds(given.holds.load(Ordering::Acquire), &given.reads)
                .await;
        if !holds {
            answers.remove_if(request, |kept| Arc::ptr_eq(kept, &given));
            return None;
        }
        // What is long ago can no longer be checked.
        given.holds.fetch_max(began, Ordering::AcqRel);
        context.metrics.answers_reused.increment(1);
        Some(given.response.clone())
    }

    /// Keeps an answer, to be given again.
    pub fn keep(
        self,
        request: Arc<Request>,
        response: &Response,
        version: &Arc<Version>,
        basis: Basis,
    ) {
        // A swap came in between: this answer is the other version's.
        if !Arc::ptr_eq(&self.version, version) {
            return;
        }
        // Whoever judges a version has to see each of its errors.
        if response.status >= 500 {
            return;
        }
        let bytes = OVERHEAD + request.bytes() + response.bytes() + basis.reads.bytes();
        // Where all contexts together have as many as they may, those that they have stay.
        let Ok(memory) = self.memory.reserve(bytes as u64) else {
            return;
        };
        let given = Given {
            response: response.clone(),
            config: self.config,
            generation: self.generation,
            reads: basis.reads,
            holds: AtomicU64::new(basis.began),
            memory,
        };
        let answers = &self.version.answers;
        answers.memory().insert(request, Arc::new(given));
        // Whoever closes a version has them forgotten; this one may have come behind that.
        if self.version.is_closed() {
            answers.forget();
        }
    }
}

impl Answers {
    /// Room for so many bytes of answers.
    pub fn new(room: u64) -> Self {
        Self {
            room,
            given: ArcSwapOption::empty(),
        }
    }

    /// Forgets them all, and gives back their memory.
    pub fn forget(&self) {
        self.given.store(None);
    }

    fn memory(&self) -> Arc<Memory> {
        if let Some(memory) = self.given.load_full() {
            return memory;
        }
        let usual = usize::try_from(self.room / USUAL).unwrap_or(usize::MAX);
        let new = Arc::new(Cache::with_weighter(usual.max(1), self.room, Bytes));
        let before = self
            .given
            .compare_and_swap(&None::<Arc<Memory>>, Some(new.clone()));
        before.as_ref().map_or(new, Arc::clone)
    }
}

fn texts(pairs: &[(String, String)]) -> usize {
    let each = 2 * size_of::<String>();
    pairs
        .iter()
        .map(|(name, value)| name.len() + value.len() + each)
        .sum()
}

impl Request {
    fn bytes(&self) -> usize {
        let pairs = texts(&self.parameters) + texts(&self.query) + texts(&self.headers);
        self.method.len() + self.route.len() + self.path.len() + pairs + self.body.len()
    }
}

impl Response {
    fn bytes(&self) -> usize {
        texts(&self.headers) + self.body.len()
    }
}
