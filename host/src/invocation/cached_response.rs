//! Answers that are given again while they hold.
//!
//! A guest has no hidden inputs. So when a request has changed nothing, and all that its guest saw was the request, the configuration and what it read,
//! the same request gets the same answer without running the guest, for as long as nothing of that changes. It is the same check that lets an invocation
//! end which has only read: [`Ledger::holds`](crate::journal::Ledger::holds), from the position that the answer was true at. Nobody sees a stale answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::attempts::ReadBasis;
use super::context::Context;
use super::origin::Origin;
use super::route_to_version::route_of;
use crate::config;
use crate::core::memory::Budget;
use crate::core::message::{Request, Response};
use crate::versions::{CachedResponse, Version, response_size};

/// What an answer depends on besides the request and what is read, as it was before the guest was run.
pub(super) struct CacheKey {
    version: Arc<Version>,
    config: Arc<config::Values>,
    generation: u32,
    memory: Arc<Budget>,
}

impl CacheKey {
    /// As they are; none when no version serves that knows the request, or it is not one to read.
    pub fn of(context: &Context, request: &Request, origin: &Origin) -> Option<Self> {
        (request.method == "GET").then_some(())?;
        let serving = context.serving();
        let key = &context.settings.rollout.key;
        let mut sides = serving
            .sides(|| request.affinity(key, &origin.correlation_id, origin.identity.as_ref()));
        let version = sides.next().filter(|version| {
            version.answers.has_room() && route_of(version, request) == Some(&request.route)
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
        let answers = &self.version.answers;
        let given = answers.find(request)?;
        let began = context.ledger.applied();
        let holds = given.generation == self.generation
            && Arc::ptr_eq(&given.config, &self.config)
            && context
                .ledger
                .holds(given.holds.load(Ordering::Acquire), &given.reads)
                .await;
        if !holds {
            answers.remove(request, &given);
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
        basis: ReadBasis,
    ) {
        // A swap came in between: this answer is the other version's.
        if !Arc::ptr_eq(&self.version, version) {
            return;
        }
        // Whoever judges a version has to see each of its errors.
        if response.status >= 500 {
            return;
        }
        let bytes = response_size(&request, response, &basis.reads);
        // Where all contexts together have as many as they may, those that they have stay.
        let Ok(memory) = self.memory.reserve(bytes as u64) else {
            return;
        };
        let given = CachedResponse {
            response: response.clone(),
            config: self.config,
            generation: self.generation,
            reads: basis.reads,
            holds: AtomicU64::new(basis.began),
            memory,
        };
        let answers = &self.version.answers;
        answers.insert(request, given);
        // Whoever closes a version has them forgotten; this one may have come behind that.
        if self.version.is_closed() {
            answers.forget();
        }
    }
}
