//! Invocations that a crash cut short, or that somebody who is gone has left: each is driven to its end, committed or abandoned.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::attempts;
use super::call::CallEntry;
use super::calls_made;
use super::context::Context;
use super::definition::{Beginning, Input, Invocation, Trigger};
use super::entry::{Answer, Entry};
use super::failure::Failure;
use super::idempotency;
use super::intent;
use super::interrupted_requests::Listed;
use super::invoker::Invoker;
use super::record::{self, Intent, StoredInput};
use super::replay::Replay;
use super::stored_call_result::CallKey;
use super::undoing::abandonment;
use super::unreadable_intent::{self, UnreadableIntent};
use super::web::WebEntry;
use crate::core::{Backoff, InvocationId};
use crate::guest::value;
use crate::journal::{Cause, KeyRange, Space};
use crate::observe::telemetry;

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
    let trace = telemetry::of_story(&intent.correlation_id);
    let invocation = Arc::new(Invocation {
        caller: intent.caller.clone(),
        replay: Replay::of(intent.clone()),
        ..Invocation::new(Beginning {
            invoker: invoker.clone(),
            context: context.clone(),
            id,
            correlation_id: intent.correlation_id,
            causation_id: intent.causation_id,
            trace,
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
        || "its caller gave up on it".to_owned(),
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
    for page in ledger
        .pages(Space::Intent, KeyRange::all(), BATCH)
        .around_damage()
    {
        for (key, value) in page? {
            let id = InvocationId::from(&*String::from_utf8_lossy(&key));
            let read = value.and_then(|value| record::read::<Intent>(&key, &value));
            let intent = match read {
                Ok(intent) => intent,
                Err(error) => {
                    resumptions.push(Resumption(Left::Unreadable(UnreadableIntent {
                        invoker: invoker.clone(),
                        context: context.clone(),
                        id,
                        error,
                    })));
                    continue;
                }
            };
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
                resumptions.push(Resumption(Left::Interrupted(Box::new(Interrupted {
                    invoker: invoker.clone(),
                    context: context.clone(),
                    id,
                    intent,
                    input,
                    _in_progress: in_progress,
                }))));
            }
        }
    }
    Ok(resumptions)
}

/// An invocation that is to be driven to its end: committed, or compensated.
pub struct Resumption(Left);

enum Left {
    Interrupted(Box<Interrupted>),
    Unreadable(UnreadableIntent),
}

impl Resumption {
    /// Drives it. Ends early only when the host stops; the intent stays then.
    pub fn run(self) -> BoxFuture<'static, ()> {
        match self.0 {
            Left::Interrupted(interrupted) => Box::pin(interrupted.run()),
            Left::Unreadable(unreadable) => Box::pin(unreadable.run()),
        }
    }
}

struct Interrupted {
    invoker: Arc<Invoker>,
    context: Arc<Context>,
    id: InvocationId,
    intent: Intent,
    input: StoredInput,
    _in_progress: Option<super::idempotency::InProgress>,
}

impl Interrupted {
    async fn run(self) {
        let mut backoff = Backoff::new(PAUSE, LONGEST_PAUSE);
        let mut listed = Listed::new(&self.context, &self.id, &self.intent);
        let retry = listed.retry();
        let mut pause = Duration::ZERO;
        loop {
            let ended = tokio::select! {
                ended = self.attempt_after(pause, &retry) => ended,
                // What it is doing is left as a stop of the host would leave it.
                asked = listed.dropped() => {
                    let dropped = self.drop_it().await;
                    asked.answer(dropped.clone());
                    Some(dropped)
                }
            };
            let Some(Err(failure)) = ended else { return };
            if listed.failed(&failure) {
                tracing::warn!(context = self.context.name.as_str(), invocation = self.id.as_str(), %failure, "could not finish an interrupted request; trying again");
            }
            pause = backoff.next_pause();
        }
    }

    /// Tries to end it, when it is time to and its context takes work. None when the host stops before that.
    async fn attempt_after(&self, pause: Duration, retry: &Notify) -> Option<Result<(), Failure>> {
        let due = async {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = retry.notified() => {}
            }
            self.context.availability.opened().await;
        };
        tokio::select! {
            () = self.invoker.shutdown.cancelled() => None,
            () = due => Some(self.attempt().await),
        }
    }

    /// Gives it up, since an operator wants that: what it called is undone. Where that is not possible now it stays as it is, and the operator is told why.
    async fn drop_it(&self) -> Result<(), Failure> {
        let barrier = self.context.ledger.barrier().await;
        barrier.map_err(|error| Failure::of_commit(&self.context.name, error))?;
        let found = record::find(&self.context.ledger, Space::Intent, &self.id);
        match found {
            Ok(Some(intent)) => self.give_up(intent, "an operator dropped it").await,
            // It had ended.
            Ok(None) => Ok(()),
            // It says the same each time.
            Err(error) if error.is_of_one_value() => {
                let correlation_id = Some(self.intent.correlation_id.clone());
                unreadable_intent::forget(&self.context, &self.id, correlation_id, &error).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Ends it without running it again: what it called is recorded to be undone.
    async fn give_up(&self, intent: Intent, reason: &str) -> Result<(), Failure> {
        let cause = Cause::Host {
            purpose: "an interrupted request is given up".to_owned(),
        };
        let invocation = self.invocation(intent, cause, self.stored_input());
        let abandoned = abandonment::abandon(&invocation, || reason.to_owned(), Vec::new()).await;
        invocation.hold.release();
        abandoned.map(drop)
    }

    /// The input that it began with.
    fn stored_input(&self) -> Input {
        match self.input.clone() {
            StoredInput::Request(stored) => {
                let key = stored.idempotency_key.clone();
                let request = stored.into_request(self.intent.raw_query.clone());
                Input::Request(Arc::new(request), key)
            }
            StoredInput::Call(stored) => Input::Call(Arc::new(CallKey {
                key: stored.key,
                interface: stored.interface,
                function: stored.function,
                parameters: stored.parameters,
            })),
        }
    }

    /// Runs it again with the input that it began with.
    async fn attempt(&self) -> Result<(), Failure> {
        // An attempt before may have begun another run.
        let Some(intent) = intent::find(&self.context, &self.id)? else {
            return Ok(());
        };
        let input = self.stored_input();
        match &input {
            Input::Request(request, key) => {
                let cause = Cause::Web {
                    method: request.method.clone(),
                    route: request.route.clone(),
                };
                let identity = self.intent.identity.as_ref();
                let entry = WebEntry::new(request.clone(), key.as_deref(), identity);
                self.finish(intent, cause, input, entry).await
            }
            Input::Call(key) => {
                let parameters = match value::decode(&key.parameters) {
                    Ok(parameters) => parameters,
                    // It says the same each time.
                    Err(error) => {
                        let reason = format!("its parameters cannot be read: {error}");
                        return self.give_up(intent, &reason).await;
                    }
                };
                let operation = format!("{}#{}", key.interface, key.function);
                let cause = Cause::Call {
                    function: operation.clone(),
                };
                let entry = CallEntry {
                    operation,
                    wanted: None,
                    parameters,
                    key: key.clone(),
                };
                self.finish(intent, cause, input, entry).await
            }
        }
    }

    fn invocation(&self, intent: Intent, cause: Cause, input: Input) -> Arc<Invocation> {
        let trace = telemetry::of_story(&self.intent.correlation_id);
        Arc::new(Invocation {
            replay: Replay::of(intent),
            ..Invocation::new(Beginning {
                invoker: self.invoker.clone(),
                context: self.context.clone(),
                id: self.id.clone(),
                correlation_id: self.intent.correlation_id.clone(),
                causation_id: self.intent.causation_id.clone(),
                trace,
                identity: self.intent.identity.clone(),
                cause,
                trigger: Trigger::Intent(input),
                deadline: Instant::now() + self.context.settings.limits.deadline,
            })
        })
    }

    async fn finish(
        &self,
        intent: Intent,
        cause: Cause,
        input: Input,
        entry: impl Entry,
    ) -> Result<(), Failure> {
        let invocation = self.invocation(intent, cause, input);
        match attempts::run(&invocation, entry).await {
            Ok(done) => {
                tracing::info!(
                    context = self.context.name.as_str(),
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
