//! Answers that are given again while they hold.
//!
//! A guest has no hidden inputs. So when a request has changed nothing, and all that its guest saw was the request, the configuration and what it read,
//! the same request gets the same answer without running the guest, for as long as nothing of that changes. It is the same check that lets an invocation
//! end which has only read: [`Ledger::settle`](crate::journal::Ledger::settle), from the position that the answer was true at. Nobody sees a stale answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::attempts::Basis;
use super::check_in::route_of;
use super::message::{Request, Response};
use crate::app::Context;
use crate::config;
use crate::journal::ReadSet;
use crate::rollout::Version;

/// What an answer takes besides its texts, in bytes.
const OVERHEAD: usize = 512;
/// What an answer is taken to need when the room for them is laid out, in bytes.
const USUAL: u64 = 2_048;

/// The answers of a version that may be given again; the least used go when there is no more room.
pub struct Answers(Option<Cache<Arc<Request>, Arc<Given>, Bytes>>);

/// An answer that was given.
struct Given {
    response: Response,
    config: Arc<config::Values>,
    generation: u32,
    reads: ReadSet,
    /// No commit up to here has changed what was read.
    holds: AtomicU64,
    bytes: u64,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Arc<Request>, Arc<Given>> for Bytes {
    fn weight(&self, _: &Arc<Request>, given: &Arc<Given>) -> u64 {
        given.bytes
    }
}

/// What an answer depends on besides the request and what is read, as it was before the guest was run.
pub(super) struct Circumstances {
    version: Arc<Version>,
    config: Arc<config::Values>,
    generation: u32,
}

impl Circumstances {
    /// As they are; none when no version serves that knows the request, or it is not one to read.
    pub fn of(context: &Context, request: &Request, correlation_id: &str) -> Option<Self> {
        (request.method == "GET").then_some(())?;
        let serving = context.serving();
        let key = &context.settings.rollout.key;
        let mut sides = serving.sides(|| request.affinity(key, correlation_id));
        let version = sides.next().filter(|version| {
            version.answers.0.is_some() && route_of(version, request) == Some(&request.route)
        })?;
        Some(Self {
            version: version.clone(),
            config: context.config(),
            generation: serving.generation,
        })
    }

    /// The version whose answer it is.
    pub fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// The answer to a request, if one was given that still holds.
    pub async fn answer(&self, context: &Context, request: &Request) -> Option<Response> {
        let answers = self.version.answers.0.as_ref()?;
        let given = answers.get(request)?;
        let began = context.ledger.applied();
        let holds = given.generation == self.generation
            && Arc::ptr_eq(&given.config, &self.config)
            && context
                .ledger
                .settle(given.holds.load(Ordering::Acquire), &given.reads)
                .await
                .is_ok();
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
        let Some(answers) = &self.version.answers.0 else {
            return;
        };
        // A swap came in between: this answer is the other version's.
        if !Arc::ptr_eq(&self.version, version) {
            return;
        }
        // Whoever judges a version has to see each of its errors.
        if response.status >= 500 {
            return;
        }
        let bytes = OVERHEAD + request.bytes() + response.bytes() + basis.reads.bytes();
        let given = Given {
            response: response.clone(),
            config: self.config,
            generation: self.generation,
            reads: basis.reads,
            holds: AtomicU64::new(basis.began),
            bytes: bytes as u64,
        };
        answers.insert(request, Arc::new(given));
    }
}

impl Answers {
    /// Room for so many bytes of answers.
    pub fn new(bytes: u64) -> Self {
        let usual = usize::try_from(bytes / USUAL).unwrap_or(usize::MAX);
        Self((bytes > 0).then(|| Cache::with_weighter(usual.max(1), bytes, Bytes)))
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
