//! Intents: before its first call an invocation writes down what it is about to do, so that a crash cannot leave it half done.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::attempts;
use super::continuity::Continuity;
use super::failure::Failure;
use super::job::{Chain, Job, Trigger, wall_clock};
use super::record::{self, Intent, StoredRequest};
use super::web;
use crate::app::{Context, Host};
use crate::journal::{Cause, Ending, Header, KeyRange, ReadSet, Space, Unit};
use crate::observe::TraceContext;

/// How many intents are read at a time.
const BATCH: usize = 256;
/// The pause before an intent whose context cannot run yet is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// Makes sure that what the invocation needs to be run again is in the journal; called before each call that it makes.
pub(super) async fn store_before_call(job: &Job) -> Result<(), Failure> {
    let durable = !matches!(job.trigger, Trigger::Intent { .. });
    let Some((now, draws)) = job.continuity.unstored(durable) else {
        return Ok(());
    };
    if !job.host.safeguards.intents {
        return Ok(());
    }
    let stored = draws.len();
    let intent = Intent {
        correlation_id: job.correlation_id.clone(),
        causation_id: job.causation_id.clone(),
        now,
        draws,
        request: match &job.trigger {
            Trigger::Intent { request, key } => Some(StoredRequest::new(request, key.clone())),
            Trigger::Caller | Trigger::Follower => None,
        },
    };
    let unit = Unit {
        began: job.context.ledger.applied(),
        reads: ReadSet::default(),
        header: Header {
            invocation: job.id.clone(),
            cause: Cause::Host {
                purpose: "intent".into(),
            },
            ending: Ending::Committed,
            attempt: 1,
            correlation_id: job.correlation_id.clone(),
            causation_id: job.causation_id.clone(),
            version: String::new(),
            time: wall_clock(),
            status: None,
        },
        writes: vec![record::write(Space::Intent, &job.id, &intent)?],
        events: Vec::new(),
    };
    job.context.ledger.commit(unit).await?;
    job.continuity.mark_stored(stored);
    Ok(())
}

/// What an earlier run of an invocation has left behind, if anything.
pub(super) fn find(context: &Context, id: &str) -> Result<Option<Intent>, Failure> {
    let found = context.ledger.get(Space::Intent, id.as_bytes())?;
    Ok(found
        .map(|value| record::read(id.as_bytes(), &value))
        .transpose()?)
}

/// The web invocations of a context that a crash cut short: to be resumed, each once, before the gateway opens.
///
/// Their `Idempotency-Key`s count as running from here on.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn unfinished(host: &Arc<Host>, context: &Arc<Context>) -> Result<Vec<Resumption>, Failure> {
    let mut resumptions = Vec::new();
    let mut range = KeyRange::all();
    loop {
        let found = context.ledger.scan(Space::Intent, &range, BATCH, false)?;
        let Some((last, _)) = found.last() else { break };
        range = KeyRange::new([last.as_slice(), &[0]].concat(), None);
        for (key, value) in found {
            let intent: Intent = record::read(&key, &value)?;
            let id = String::from_utf8_lossy(&key).into_owned();
            if let Some(request) = intent.request.clone() {
                let key = request.idempotency_key.as_deref();
                // Nothing runs yet, so the key is free; two intents of one key cannot both have begun.
                let in_progress = key.and_then(|key| context.keys.try_enter(key).ok());
                resumptions.push(Resumption {
                    host: host.clone(),
                    context: context.clone(),
                    id,
                    intent,
                    request,
                    _in_progress: in_progress,
                });
            }
        }
    }
    Ok(resumptions)
}

/// An invocation that is to be driven to its end: committed, or compensated.
pub struct Resumption {
    host: Arc<Host>,
    context: Arc<Context>,
    id: String,
    intent: Intent,
    request: StoredRequest,
    _in_progress: Option<super::idempotency::InProgress>,
}

impl Resumption {
    /// Drives it. Ends early only when the host stops; the intent stays then.
    pub async fn run(self) {
        loop {
            match self.attempt().await {
                Ok(()) => return,
                Err(failure) => {
                    tracing::warn!(context = self.context.name, invocation = self.id, %failure, "an interrupted request cannot be finished yet");
                    tokio::select! {
                        () = self.host.shutdown.cancelled() => return,
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                }
            }
        }
    }

    async fn attempt(&self) -> Result<(), Failure> {
        let request = Arc::new(super::Request::from(self.request.clone()));
        let job = Arc::new(Job {
            host: self.host.clone(),
            context: self.context.clone(),
            id: self.id.clone(),
            correlation_id: self.intent.correlation_id.clone(),
            causation_id: self.intent.causation_id.clone(),
            trace: TraceContext::new(),
            cause: Cause::Web {
                method: request.method.clone(),
                route: request.route.clone(),
            },
            trigger: Trigger::Intent {
                request: request.clone(),
                key: self.request.idempotency_key.clone(),
            },
            first_attempt: 1,
            deadline: Instant::now() + self.context.settings.limits.deadline,
            chain: Chain::default(),
            generation: None,
            continuity: Continuity::of(&self.intent),
            reads: ReadSet::default(),
            writes: Vec::new(),
            durability: None,
            keep: web::keep(self.request.idempotency_key.as_deref(), &request),
        });
        let ended = attempts::run(&job, attempts::Entry::Web(request)).await;
        match ended {
            Ok(done) => {
                let status = match &done.answer {
                    attempts::Answer::Web(response) => response.status,
                    _ => 0,
                };
                tracing::info!(
                    context = self.context.name,
                    invocation = self.id,
                    correlation_id = self.intent.correlation_id,
                    status,
                    "finished a request that the last stop had interrupted"
                );
                Ok(())
            }
            // It could not even begin: no version serves, or there was no room. It has not been abandoned, so it is tried again.
            Err(failure)
                if self
                    .context
                    .ledger
                    .get(Space::Intent, self.id.as_bytes())?
                    .is_some() =>
            {
                Err(failure)
            }
            Err(_) => Ok(()),
        }
    }
}

impl StoredRequest {
    fn new(request: &super::Request, idempotency_key: Option<String>) -> Self {
        Self {
            method: request.method.clone(),
            route: request.route.clone(),
            path: request.path.clone(),
            parameters: request.parameters.clone(),
            query: request.query.clone(),
            headers: request.headers.clone(),
            body: request.body.to_vec(),
            idempotency_key,
        }
    }
}

impl From<StoredRequest> for super::Request {
    fn from(stored: StoredRequest) -> Self {
        Self {
            method: stored.method,
            route: stored.route,
            path: stored.path,
            parameters: stored.parameters,
            query: stored.query,
            headers: stored.headers,
            body: stored.body.into(),
        }
    }
}
