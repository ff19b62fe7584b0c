//! Responses of a version that may be given again, within a bound of memory; the least used go first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::config;
use crate::core::memory::Reservation;
use crate::core::message::{Request, Response};
use crate::journal::ReadSet;

/// What a response takes besides its texts, in bytes.
const OVERHEAD: usize = 512;
/// What a response is taken to need when the room for them is laid out, in bytes.
const USUAL: u64 = 2_048;

/// The responses of a version that may be given again. A version that has given none holds no memory for them.
pub struct ResponseCache {
    room: u64,
    /// How often one was found.
    found: AtomicU64,
    responses: ArcSwapOption<Responses>,
}

type Responses = Cache<Arc<Request>, Arc<CachedResponse>, Bytes>;

/// A response that was given, and what it depends on besides its request.
pub(crate) struct CachedResponse {
    pub response: Response,
    pub config: Arc<config::Values>,
    pub generation: u32,
    pub reads: ReadSet,
    /// No commit up to here has changed what was read.
    pub holds: AtomicU64,
    pub memory: Reservation,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Arc<Request>, Arc<CachedResponse>> for Bytes {
    fn weight(&self, _: &Arc<Request>, cached: &Arc<CachedResponse>) -> u64 {
        cached.memory.bytes()
    }
}

impl ResponseCache {
    /// Room for so many bytes of responses.
    pub fn new(room: u64) -> Self {
        Self {
            room,
            found: AtomicU64::new(0),
            responses: ArcSwapOption::empty(),
        }
    }

    /// Whether there is any room.
    pub(crate) fn has_room(&self) -> bool {
        self.room > 0
    }

    /// The response to a request, if there is one.
    pub(crate) fn find(&self, request: &Request) -> Option<Arc<CachedResponse>> {
        let found = self.responses.load().as_ref()?.get(request)?;
        self.found.fetch_add(1, Ordering::Relaxed);
        Some(found)
    }

    /// How often one was found.
    pub(crate) fn found(&self) -> u64 {
        self.found.load(Ordering::Relaxed)
    }

    /// Removes the response to a request that no longer holds, unless another has taken its place.
    pub(crate) fn remove(&self, request: &Request, outdated: &Arc<CachedResponse>) {
        if let Some(responses) = &*self.responses.load() {
            responses.remove_if(request, |cached| Arc::ptr_eq(cached, outdated));
        }
    }

    /// Keeps a response.
    pub(crate) fn insert(&self, request: Arc<Request>, response: CachedResponse) {
        self.memory().insert(request, Arc::new(response));
    }

    /// Forgets them all, and gives back their memory.
    pub fn forget(&self) {
        self.responses.store(None);
    }

    fn memory(&self) -> Arc<Responses> {
        if let Some(responses) = self.responses.load_full() {
            return responses;
        }
        let usual = usize::try_from(self.room / USUAL).unwrap_or(usize::MAX);
        let new = Arc::new(Cache::with_weighter(usual.max(1), self.room, Bytes));
        let before = self
            .responses
            .compare_and_swap(&None::<Arc<Responses>>, Some(new.clone()));
        before.as_ref().map_or(new, Arc::clone)
    }
}

/// What a response takes with its request and with what it was made of, in bytes.
pub(crate) fn size(request: &Request, response: &Response, reads: &ReadSet) -> usize {
    let pairs = texts(&request.parameters) + texts(&request.query) + texts(&request.headers);
    let line = request.method.len() + request.route.len() + request.path.len();
    let query = request.raw_query.as_ref().map_or(0, String::len);
    let asked = line + query + pairs + request.body.len();
    OVERHEAD + asked + texts(&response.headers) + response.body.len() + reads.bytes()
}

fn texts(pairs: &[(String, String)]) -> usize {
    let each = 2 * size_of::<String>();
    pairs
        .iter()
        .map(|(name, value)| name.len() + value.len() + each)
        .sum()
}
