//! Intents: before its first call an invocation writes down what it is about to do, so that a crash cannot leave it half done.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::attempts::{self, Entry};
use super::continuity::Continuity;
use super::failure::Failure;
use super::job::{Chain, Input, Job, Keep, Trigger, wall_clock};
use super::record::{self, Intent, StoredInput, StoredParameters, StoredRequest};
use super::web;
use crate::app::{Context, Host};
use crate::guest::value;
use crate::journal::{Cause, Ending, Header, KeyRange, ReadSet, Space, Unit};
use crate::observe::TraceContext;

/// How many intents are read at a time.
const BATCH: usize = 256;
/// The pause before an intent whose context cannot run yet is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// Makes sure that what the invocation needs to be run again is in the journal; called before each call that it makes.
pub(super) async fn store_before_call(job: &Job) -> Result<(), Failure> {
    let durable = !matches!(job.trigger, Trigger::Intent(_));
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
        input: input(job),
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

/// What would bring the invocation again, if nobody else does.
fn input(job: &Job) -> Option<StoredInput> {
    match (&job.trigger, &job.keep) {
        (Trigger::Intent(Input::Request(request, key)), _) => Some(StoredInput::Request(
            StoredRequest::new(request, key.clone()),
        )),
        (
            Trigger::Intent(Input::Call),
            Keep::Call {
                key,
                interface,
                function,
                parameters,
            },
        ) => Some(StoredInput::Call(StoredParameters {
            interface: interface.clone(),
            function: function.clone(),
            parameters: parameters.clone(),
            key: key.clone(),
        })),
        (Trigger::Intent(_) | Trigger::Caller | Trigger::Follower | Trigger::Nobody, _) => None,
    }
}

/// What an earlier run of an invocation has left behind, if anything.
pub(super) fn find(context: &Context, id: &str) -> Result<Option<Intent>, Failure> {
    let found = context.ledger.get(Space::Intent, id.as_bytes())?;
    Ok(found
        .map(|value| record::read(id.as_bytes(), &value))
        .transpose()?)
}

/// The requests and calls from outside to a context that a crash cut short: to be resumed, each once, before the gateway opens.
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
            if let Some(input) = intent.input.clone() {
                let key = match &input {
                    StoredInput::Request(request) => request.idempotency_key.as_deref(),
                    StoredInput::Call(call) => Some(&*call.key),
                };
                // Nothing runs yet, so the key is free; two intents of one key cannot both have begun.
                let in_progress = key.and_then(|key| context.keys.try_enter(key).ok());
                resumptions.push(Resumption {
                    host: host.clone(),
                    context: context.clone(),
                    id,
                    intent,
                    input,
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
    input: StoredInput,
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
        let (cause, trigger, keep, entry) = self.input()?;
        let job = Arc::new(Job {
            host: self.host.clone(),
            context: self.context.clone(),
            id: self.id.clone(),
            abandoned: 0,
            correlation_id: self.intent.correlation_id.clone(),
            causation_id: self.intent.causation_id.clone(),
            trace: TraceContext::new(),
            cause,
            trigger,
            first_attempt: 1,
            deadline: Instant::now() + self.context.settings.limits.deadline,
            chain: Chain::default(),
            generation: None,
            version: None,
            continuity: Continuity::of(&self.intent),
            reads: ReadSet::default(),
            writes: Vec::new(),
            durability: None,
            keep,
        });
        let ended = attempts::run(&job, entry).await;
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

    /// What it is about, as it was when it began.
    fn input(&self) -> Result<(Cause, Trigger, Keep, Entry), Failure> {
        Ok(match self.input.clone() {
            StoredInput::Request(stored) => {
                let key = stored.idempotency_key.clone();
                let request = Arc::new(super::Request::from(stored));
                let cause = Cause::Web {
                    method: request.method.clone(),
                    route: request.route.clone(),
                };
                let keep = web::keep(key.as_deref(), &request);
                let trigger = Trigger::Intent(Input::Request(request.clone(), key));
                (cause, trigger, keep, Entry::Web(request))
            }
            StoredInput::Call(stored) => {
                let parameters = value::decode(&stored.parameters);
                let parameters = parameters.map_err(|error| Failure::Journal {
                    reason: error.to_string(),
                })?;
                let operation = format!("{}#{}", stored.interface, stored.function);
                let cause = Cause::Call {
                    function: operation.clone(),
                };
                let keep = Keep::Call {
                    key: stored.key,
                    interface: stored.interface,
                    function: stored.function,
                    parameters: stored.parameters,
                };
                let entry = Entry::Call {
                    operation,
                    wanted: None,
                    parameters,
                };
                (cause, Trigger::Intent(Input::Call), keep, entry)
            }
        })
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
