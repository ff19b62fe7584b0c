//! A web request, as an invocation.

use std::sync::Arc;

use tokio::time::Instant;

use super::attempts::{self, Answer, Entry};
use super::cached_response::CacheKey;
use super::context::Context;
use super::definition::{Beginning, Input, Invocation, Place, ResultStore, Trigger};
use super::failure::Failure;
use super::identifier;
use super::invoker::Invoker;
use super::origin::Origin;
use super::uninterrupted::Uninterrupted;
use crate::core::message::{Request, WebAnswer};
use crate::core::{digest, random_id};
use crate::guest;
use crate::journal::Cause;

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
) -> Result<WebAnswer, Failure> {
    let cache_key = match key {
        None => CacheKey::of(context, &request, &origin.correlation_id),
        Some(_) => None,
    };
    if let Some(cache_key) = &cache_key
        && let Some(response) = cache_key.answer(context, &request).await
    {
        return Ok(WebAnswer {
            response,
            replayed: false,
            made_by: Some(cache_key.version().title.clone()),
        });
    }
    let deadline = Instant::now() + context.settings.limits.deadline;
    // A repeat waits for the first without taking anything that others need.
    let in_progress = match &key {
        Some(key) => Some(context.keys.enter(key, deadline).await?),
        None => None,
    };
    let place = context.admission.enter(0, deadline).await?;
    let running = {
        let (invoker, context) = (invoker.clone(), context.clone());
        async move {
            let (_in_progress, place) = (in_progress, Place::taken(Some(place)));
            let admitted = Admitted { deadline, place };
            run(
                &invoker, &context, request, origin, key, cache_key, admitted,
            )
            .await
        }
    };
    // A client that hangs up must not leave calls behind that nobody undoes.
    Uninterrupted::new(running, &invoker.tasks).await
}

/// What a request that may run has.
struct Admitted {
    deadline: Instant,
    place: Place,
}

async fn run(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    request: Request,
    origin: Origin,
    key: Option<String>,
    cache_key: Option<CacheKey>,
    Admitted { deadline, place }: Admitted,
) -> Result<WebAnswer, Failure> {
    let request = Arc::new(request);
    let invocation = Arc::new(Invocation {
        trace: origin.trace,
        keep: keep(key.as_deref(), &request),
        place,
        ..Invocation::new(Beginning {
            invoker: invoker.clone(),
            context: context.clone(),
            id: random_id(),
            correlation_id: origin.correlation_id,
            causation_id: origin.causation_id,
            cause: Cause::Web {
                method: request.method.clone(),
                route: request.route.clone(),
            },
            trigger: Trigger::Intent(Input::Request(request.clone(), key)),
            deadline,
        })
    });
    let done = attempts::run(&invocation, Entry::Web(request.clone())).await.inspect_err(|failure| {
        // There may be as many as clients can send.
        if context.log.admits_failure() {
            tracing::warn!(
                context = context.name, invocation = invocation.id, correlation_id = invocation.correlation_id, trace = invocation.trace.trace_id(), %failure,
                "a request failed"
            );
        }
    })?;
    match done.answer {
        Answer::Web(response) => {
            if let (Some(cache_key), Some(basis)) = (cache_key, done.basis) {
                cache_key.keep(request, &response, &done.version, basis);
            }
            Ok(WebAnswer {
                response,
                replayed: done.replayed,
                // A stored answer may be of another version.
                made_by: (!done.replayed).then(|| done.version.title.clone()),
            })
        }
        Answer::Call(_) | Answer::Event(_) => Err(Failure::Trap {
            message: "a request was answered by another export".into(),
        }),
    }
}

/// Where the answer to a request is kept.
pub(super) fn keep(key: Option<&str>, request: &Request) -> ResultStore {
    match key {
        None => ResultStore::Nowhere,
        Some(key) => ResultStore::Response {
            key: identifier::of_idempotency_key(key),
            fingerprint: fingerprint(request),
        },
    }
}

/// What makes two requests the same request.
fn fingerprint(request: &Request) -> String {
    let mut parts: Vec<&[u8]> = vec![
        request.method.as_bytes(),
        request.path.as_bytes(),
        &request.body,
    ];
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
