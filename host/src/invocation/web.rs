//! A web request, as an invocation.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::time::Instant;

use super::attempts;
use super::cached_response::CacheKey;
use super::circuit_breaker::{Breaker, Connection, Entered};
use super::context::Context;
use super::definition::{Beginning, Input, Invocation, Place, Trigger};
use super::entry::{Answer, Entry, number_of};
use super::failure::Failure;
use super::idempotency::{self, ResponseKey};
use super::invoker::Invoker;
use super::known_good::{LARGEST, Sample};
use super::origin::Origin;
use super::route_to_version::route_of;
use super::stored_call_result::{CommitDetails, Found};
use super::uninterrupted::Uninterrupted;
use super::unit::UnitOfWork;
use crate::core::message::{Request, Response, WebAnswer};
use crate::core::{ContextName, CorrelationId, InvocationId, VerifiedIdentity, digest, uri_path};
use crate::guest::{self, Ended, Execution, Incoming};
use crate::journal::{self, Cause, Ledger, Write};
use crate::manifest::{Limits, RampKey};
use crate::versions::Version;

/// A web request that its guest gave no answer to.
#[derive(Debug, thiserror::Error)]
#[error("{failure}")]
pub struct WebFailure {
    /// Why.
    pub failure: Failure,
    /// The title of the version that was to answer it; none when it never came to one.
    pub version: Option<Arc<str>>,
}

impl From<Failure> for WebFailure {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            version: None,
        }
    }
}

/// Runs a web request to its end, also when whoever asked goes away meanwhile.
///
/// `key` is the request's `Idempotency-Key`: a repeat of a request that was answered with success gets that answer.
///
/// # Errors
///
/// When the guest gave no answer, or the key does not allow the request.
pub async fn web(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    request: Request,
    origin: Origin,
    key: Option<String>,
) -> Result<WebAnswer, WebFailure> {
    let (began, trace) = (std::time::Instant::now(), origin.trace.clone());
    let breaker = context.breakers.of_gateway();
    let answered = admit(invoker, context, request, origin, key, &breaker).await;
    let failed = match &answered {
        Ok(answer) => answer.response.is_error(),
        Err(WebFailure { failure, .. }) => failure.is_fault_of_context(),
    };
    let is_rejected = |failed: &WebFailure| failed.failure.is_rejection();
    if !answered.as_ref().is_err_and(is_rejected) {
        breaker.note(began.elapsed(), failed, &trace);
    }
    answered
}

async fn admit(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    request: Request,
    origin: Origin,
    key: Option<String>,
    breaker: &Arc<Breaker>,
) -> Result<WebAnswer, WebFailure> {
    let left = context.settings.limits.deadline;
    let deadline = Instant::now() + left.saturating_sub(origin.waited);
    context.availability.admit(&context.name, deadline).await?;
    let cache_key = match key {
        // What is made to go wrong goes wrong for all.
        _ if context.faults.are_on() => None,
        None => CacheKey::of(context, &request, &origin),
        Some(_) => None,
    };
    if let Some(cache_key) = &cache_key
        && let Some(response) = cache_key.answer(context, &request).await
    {
        return Ok(WebAnswer {
            response,
            replayed: false,
            delayed: false,
            made_by: Some(cache_key.version().title.clone()),
        });
    }
    // A repeat waits for the first without taking anything that others need.
    let in_progress = match &key {
        Some(key) => {
            let identity = origin.identity.as_ref();
            let known_by = idempotency::known_by(key, identity);
            let entered = context.keys.enter(&known_by, deadline).await?;
            if let Some(former) = idempotency::formerly_known_by(key, identity) {
                // What an earlier host began may still be driven to its end.
                context.keys.wait(&former, deadline).await?;
            }
            Some(entered)
        }
        None => None,
    };
    let Entered { place, connection } = breaker.enter(context, 0, deadline).await?;
    let delayed = context
        .faults
        .inject(context, &connection, deadline)
        .await?;
    let running = {
        let (invoker, context, breaker) = (invoker.clone(), context.clone(), breaker.clone());
        async move {
            let _in_progress = in_progress;
            let admitted = Admitted {
                deadline,
                place: Place::taken(Some(place)),
                breaker,
                delayed,
                connection,
            };
            run(
                &invoker, &context, request, origin, key, cache_key, admitted,
            )
            .await
        }
    };
    // A client that hangs up must not leave calls behind that nobody undoes.
    let answered = Uninterrupted::new(running, &invoker.tasks).await;
    match delayed {
        false => answered,
        true => answered
            .map(|answer| WebAnswer { delayed, ..answer })
            .map_err(|failed| WebFailure {
                failure: Failure::Delayed(Box::new(failed.failure)),
                ..failed
            }),
    }
}

/// What a request that may run has.
struct Admitted {
    deadline: Instant,
    place: Place,
    breaker: Arc<Breaker>,
    delayed: bool,
    connection: Connection,
}

async fn run(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    request: Request,
    origin: Origin,
    key: Option<String>,
    cache_key: Option<CacheKey>,
    admitted: Admitted,
) -> Result<WebAnswer, WebFailure> {
    let request = Arc::new(request);
    let entry = WebEntry::new(request.clone(), key.as_deref(), origin.identity.as_ref());
    let invocation = Arc::new(Invocation {
        place: admitted.place,
        breaker: Some(admitted.breaker),
        delayed: admitted.delayed,
        connection: admitted.connection,
        ..Invocation::new(Beginning {
            invoker: invoker.clone(),
            context: context.clone(),
            id: InvocationId::random(),
            correlation_id: origin.correlation_id,
            causation_id: origin.causation_id,
            trace: origin.trace.child(),
            identity: origin.identity,
            cause: Cause::Web {
                method: request.method.clone(),
                route: request.route.clone(),
            },
            trigger: Trigger::Intent(Input::Request(request.clone(), key)),
            deadline: admitted.deadline,
        })
    });
    let done = attempts::run(&invocation, entry).await.map_err(|failure| {
        // There may be as many as clients can send.
        if context.log.admits_failure() {
            tracing::warn!(
                context = context.name.as_str(), invocation = invocation.id.as_str(), correlation_id = invocation.correlation_id.as_str(), trace = invocation.trace.trace_id(), %failure,
                "a request failed"
            );
        }
        WebFailure {
            failure,
            version: invocation.routed_to(),
        }
    })?;
    let response = done.answer;
    if let (Some(cache_key), Some(basis)) = (cache_key, done.basis) {
        cache_key.keep(request, &response, &done.version, basis);
    }
    Ok(WebAnswer {
        response,
        replayed: done.replayed,
        delayed: false,
        // A stored answer may be of another version.
        made_by: (!done.replayed).then(|| done.version.title.clone()),
    })
}

/// A web request on its way into a guest.
pub(super) struct WebEntry {
    request: Arc<Request>,
    /// Who has sent it.
    identity: Option<VerifiedIdentity>,
    /// Where its response is kept, if it has an `Idempotency-Key`.
    key: Option<ResponseKey>,
}

impl WebEntry {
    pub(super) fn new(
        request: Arc<Request>,
        key: Option<&str>,
        identity: Option<&VerifiedIdentity>,
    ) -> Self {
        let key = key.map(|key| ResponseKey {
            key: idempotency::known_by(key, identity),
            former: idempotency::formerly_known_by(key, identity),
            fingerprint: fingerprint(&request, &plain(&request.path)),
            former_fingerprint: match plain(&request.path) == request.path {
                true => None,
                false => Some(fingerprint(&request, &request.path)),
            },
        });
        Self {
            request,
            identity: identity.cloned(),
            key,
        }
    }
}

impl Entry for WebEntry {
    type Answer = Response;

    fn affinity(&self, key: &RampKey, correlation_id: &CorrelationId) -> String {
        self.request
            .affinity(key, correlation_id, self.identity.as_ref())
    }

    fn suits(&self, version: &Version, _context: &ContextName) -> Result<(), Failure> {
        match route_of(version, &self.request) {
            Some(_) => Ok(()),
            None => Err(Failure::NotDescribed {
                method: self.request.method.clone(),
                path: self.request.route.clone(),
            }),
        }
    }

    fn fit(&mut self, version: &Version) {
        if let Some(fitted) = self.request.fitted(version) {
            self.request = Arc::new(fitted);
        }
    }

    fn kind(&self) -> u64 {
        let request = &self.request;
        let parts = [&request.method, &request.route, &request.path];
        number_of(&parts.map(String::as_bytes))
    }

    fn fingerprint(&self) -> u64 {
        let request = &self.request;
        let query = request.query.iter().flat_map(|(name, value)| [name, value]);
        let head = [&request.method, &request.path].into_iter().chain(query);
        let mut parts: Vec<_> = head.map(String::as_bytes).collect();
        parts.push(&request.body);
        number_of(&parts)
    }

    fn sample(&self) -> Option<Sample> {
        let request = &self.request;
        let fields = request.headers.iter().chain(&request.query);
        let head: usize = fields.map(|(name, value)| name.len() + value.len()).sum();
        let query = request.raw_query.as_ref().map_or(0, String::len);
        let size = head + request.path.len() + query + request.body.len();
        (size <= LARGEST).then(|| Sample::Web(Self::new(request.clone(), None, None)))
    }

    async fn enter(
        &self,
        version: &Version,
        execution: Execution<UnitOfWork>,
    ) -> Ended<Response, UnitOfWork> {
        let incoming = Incoming {
            request: self.request.to_guest(),
            query: self.request.raw_query.clone(),
            longest_answer: execution.services.limits().response,
        };
        let Ended { services, result } = version.guest.web(execution, incoming).await;
        let result = result.map(|response| Response {
            status: response.status,
            headers: response.headers,
            body: response.body.into(),
        });
        Ended { services, result }
    }

    fn find_stored(&self, ledger: &Ledger) -> Result<Option<Found<Response>>, Failure> {
        match &self.key {
            Some(key) => key.find(ledger),
            None => Ok(None),
        }
    }

    fn store(
        &self,
        response: &Response,
        details: CommitDetails<'_>,
    ) -> Result<Option<Write>, journal::Error> {
        let key = self.key.as_ref();
        key.map(|key| key.write(response, details)).transpose()
    }

    fn keeps_every_success(&self) -> bool {
        self.key.is_some()
    }
}

impl Answer for Response {
    fn is_success(&self) -> bool {
        self.status < 400
    }

    fn is_error(&self) -> bool {
        self.status >= 500
    }

    fn reason(&self) -> String {
        format!("answered {}", self.status)
    }

    fn status(&self) -> Option<u16> {
        Some(self.status)
    }

    fn check(&self, limits: &Limits) -> Result<(), Failure> {
        let limit = limits.response;
        if self.body.len() as u64 > limit {
            return Err(Failure::ResponseTooLarge { limit });
        }
        self.validate(limits.response_head)
            .map_err(|reason| Failure::InvalidResponse { reason })
    }
}

/// A path however it was spelled.
fn plain(path: &str) -> Cow<'_, str> {
    uri_path::plain(path).unwrap_or(Cow::Borrowed(path))
}

/// What makes two requests the same request.
fn fingerprint(request: &Request, path: &str) -> String {
    let mut parts: Vec<&[u8]> = vec![request.method.as_bytes(), path.as_bytes(), &request.body];
    for (name, value) in &request.query {
        parts.push(name.as_bytes());
        parts.push(value.as_bytes());
    }
    digest(&parts)
}

impl Request {
    /// The request as the guest takes it.
    pub(super) fn to_guest(&self) -> guest::Request {
        guest::Request {
            method: self.method.clone(),
            route: self.route.clone(),
            path: self.path.clone(),
            parameters: self.parameters.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            body: self.body.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In bytes: a tenth more than it had when this was written.
    const MOST: usize = 2_304;

    type Arguments = (
        &'static Arc<Invoker>,
        &'static Arc<Context>,
        Request,
        Origin,
        Option<String>,
    );

    /// How large the future is that a function answers, which is not called.
    fn size_of_future<F: Future>(_: impl FnOnce(Arguments) -> F) -> usize {
        size_of::<F>()
    }

    /// Each function that awaits a future moves it whole. What is rarely needed, or large, goes into a box.
    #[test]
    fn the_future_of_a_request_stays_small() {
        let size = size_of_future(|(invoker, context, request, origin, key)| {
            web(invoker, context, request, origin, key)
        });
        assert!(size <= MOST, "{size} bytes");
    }
}
