//! Invocations that a crash cut short, or that somebody who is gone has left: each is driven to its end, committed or abandoned.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::abandonment;
use super::attempts;
use super::call::CallEntry;
use super::calls_made;
use super::context::Context;
use super::definition::{Beginning, Input, Invocation, Trigger};
use super::entry::{Answer, Entry};
use super::failure::Failure;
use super::idempotency;
use super::invoker::Invoker;
use super::record::{self, Intent, StoredInput};
use super::replay::Replay;
use super::stored_result::CallKey;
use super::web::WebEntry;
use crate::core::{Backoff, InvocationId};
use crate::guest::value;
use crate::journal::{Cause, KeyRange, Space};

/// How many intents are read at a time.
const BATCH: usize = 256;
/// The pause before an intent that could not be ended is tried again; it doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Gives up a call that its caller will not bring again: what it called is recorded to be undone.
pub(super) async fn abandon(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
    id: InvocationId,
    intent: Intent,
) -> Result<(), Failure> {
    let invocation = Arc::new(Invocation {
        caller: intent.caller.clone(),
        replay: Replay::of(intent.clone()),
        ..Invocation::new(Beginning {
            invoker: invoker.clone(),
            context: context.clone(),
            id,
            correlation_id: intent.correlation_id,
            causation_id: intent.causation_id,
            identity: intent.identity,
            cause: Cause::Call {
                function: String::new(),
            },
            trigger: Trigger::Caller,
            deadline: Instant::now() + context.settings.limits.deadline,
        })
    });
    // It may call others in turn, each level a future of its own.
    Box::pin(abandonment::abandon(
        &invocation,
        "its caller gave up on it",
        Vec::new(),
    ))
    .await?;
    Ok(())
}

/// The requests and calls from outside to a context that a crash cut short: to be resumed, each once, before the gateway opens.
///
/// Their `Idempotency-Key`s count as running from here on.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn unfinished(
    invoker: &Arc<Invoker>,
    context: &Arc<Context>,
) -> Result<Vec<Resumption>, Failure> {
    let mut resumptions = Vec::new();
    let ledger = &context.ledger;
    for page in ledger.pages(Space::Intent, KeyRange::all(), BATCH) {
        for (key, value) in page? {
            let intent: Intent = record::read(&key, &value)?;
            let id = InvocationId::from(&*String::from_utf8_lossy(&key));
            if calls_made::has_final_call(invoker, &id, &intent)? {
                // Nobody changes what it has read before it is run again.
                context.commits.hold_for(&id);
            }
            if let Some(input) = intent.input.clone() {
                let key = match &input {
                    StoredInput::Request(request) => {
                        let key = request.idempotency_key.as_deref();
                        key.map(|key| idempotency::known_by(key, intent.identity.as_ref()))
                    }
                    StoredInput::Call(call) => Some(call.key.to_string()),
                };
                // Nothing runs yet, so the key is free; two intents of one key cannot both have begun.
                let in_progress = key.and_then(|key| context.keys.try_enter(&key).ok());
                resumptions.push(Resumption {
                    invoker: invoker.clone(),
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
    invoker: Arc<Invoker>,
    context: Arc<Context>,
    id: InvocationId,
    intent: Intent,
    input: StoredInput,
    _in_progress: Option<super::idempotency::InProgress>,
}

impl Resumption {
    /// Drives it. Ends early only when the host stops; the intent stays then.
    pub async fn run(self) {
        let mut backoff = Backoff::new(PAUSE, LONGEST_PAUSE);
        loop {
            tokio::select! {
                () = self.invoker.shutdown.cancelled() => return,
                () = self.context.availability.opened() => {}
            }
            match self.attempt().await {
                Ok(()) => return,
                Err(failure) => {
                    tracing::warn!(context = self.context.name, invocation = self.id.as_str(), %failure, "could not finish an interrupted request; trying again");
                    if backoff.pause(&self.invoker.shutdown).await.is_break() {
                        return;
                    }
                }
            }
        }
    }

    /// Runs it again with the input that it began with.
    async fn attempt(&self) -> Result<(), Failure> {
        match self.input.clone() {
            StoredInput::Request(stored) => {
                let key = stored.idempotency_key.clone();
                let request = Arc::new(stored.into_request(self.intent.raw_query.clone()));
                let cause = Cause::Web {
                    method: request.method.clone(),
                    route: request.route.clone(),
                };
                let identity = self.intent.identity.as_ref();
                let entry = WebEntry::new(request.clone(), key.as_deref(), identity);
                self.finish(cause, Input::Request(request, key), entry)
                    .await
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
                let key = Arc::new(CallKey {
                    key: stored.key,
                    interface: stored.interface,
                    function: stored.function,
                    parameters: stored.parameters,
                });
                let entry = CallEntry {
                    operation,
                    wanted: None,
                    parameters,
                    key: key.clone(),
                };
                self.finish(cause, Input::Call(key), entry).await
            }
        }
    }

    async fn finish(&self, cause: Cause, input: Input, entry: impl Entry) -> Result<(), Failure> {
        let invocation = Arc::new(Invocation {
            replay: Replay::of(self.intent.clone()),
            ..Invocation::new(Beginning {
                invoker: self.invoker.clone(),
                context: self.context.clone(),
                id: self.id.clone(),
                correlation_id: self.intent.correlation_id.clone(),
                causation_id: self.intent.causation_id.clone(),
                identity: self.intent.identity.clone(),
                cause,
                trigger: Trigger::Intent(input),
                deadline: Instant::now() + self.context.settings.limits.deadline,
            })
        });
        match attempts::run(&invocation, entry).await {
            Ok(done) => {
                tracing::info!(
                    context = self.context.name,
                    invocation = self.id.as_str(),
                    correlation_id = self.intent.correlation_id.as_str(),
                    status = done.answer.status(),
                    "finished a request that the last stop had interrupted"
                );
                Ok(())
            }
            // The journal did not take its end.
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
