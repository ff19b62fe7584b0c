//! Requests and calls from outside that a stop has interrupted: what operators see of those that take long to end, and what they decide about them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use super::context::Context;
use super::failure::Failure;
use super::record::{Intent, StoredInput};
use crate::core::{CorrelationId, InvocationId, wall_clock};

/// How long the log is silent about one that is still tried.
const SILENCE: Duration = Duration::from_secs(600);

/// The interrupted requests of a context that have not ended yet.
#[derive(Default)]
pub struct InterruptedRequests(Mutex<BTreeMap<InvocationId, Entry>>);

struct Entry {
    seen: InterruptedRequest,
    failure: Option<String>,
    drops: mpsc::Sender<Asked>,
    retry: Arc<Notify>,
}

/// A request that a stop has interrupted, and that cannot be ended, as operators see it.
#[derive(Clone, Debug)]
pub struct InterruptedRequest {
    /// Its invocation.
    pub id: InvocationId,
    /// What was asked: the method and route of a request, or the function of a call.
    pub what: String,
    /// The id that everything with one cause at its root shares; none where what is on record of it cannot be read.
    pub correlation_id: Option<CorrelationId>,
    /// When it began, in milliseconds since the Unix epoch; none where that cannot be read.
    pub began: Option<u64>,
    /// How often ending it has failed since the host started.
    pub failures: u32,
    /// Why it has not ended.
    pub reason: String,
}

/// Somebody who wants an interrupted request to be given up, and waits for that.
pub(super) struct Asked(oneshot::Sender<Result<(), Failure>>);

impl Asked {
    pub(super) fn answer(self, ended: Result<(), Failure>) {
        // Whoever has asked may not wait any more.
        let _ = self.0.send(ended);
    }
}

/// One that is being ended. When this is dropped it is not listed any more.
pub(super) struct Listed<'a> {
    context: &'a Context,
    id: &'a InvocationId,
    drops: mpsc::Receiver<Asked>,
    retry: Arc<Notify>,
    /// When the log spoke of it.
    said: Option<Instant>,
}

impl<'a> Listed<'a> {
    pub(super) fn new(context: &'a Context, id: &'a InvocationId, intent: &Intent) -> Self {
        let what = match &intent.input {
            Some(StoredInput::Request(request)) => format!("{} {}", request.method, request.route),
            Some(StoredInput::Call(call)) => format!("{}#{}", call.interface, call.function),
            None => String::new(),
        };
        let seen = InterruptedRequest {
            id: id.clone(),
            what,
            correlation_id: Some(intent.correlation_id.clone()),
            began: Some(intent.now),
            failures: 0,
            reason: String::new(),
        };
        Self::begin(context, id, seen, None)
    }

    /// One of which nobody knows what it is, and why not.
    pub(super) fn unreadable(context: &'a Context, id: &'a InvocationId, reason: String) -> Self {
        let seen = InterruptedRequest {
            id: id.clone(),
            what: "an invocation".to_owned(),
            correlation_id: None,
            began: None,
            failures: 0,
            reason: String::new(),
        };
        Self::begin(context, id, seen, Some(reason))
    }

    fn begin(
        context: &'a Context,
        id: &'a InvocationId,
        seen: InterruptedRequest,
        failure: Option<String>,
    ) -> Self {
        let (sender, drops) = mpsc::channel(1);
        let retry = Arc::new(Notify::new());
        let entry = Entry {
            seen,
            failure,
            drops: sender,
            retry: retry.clone(),
        };
        let interrupted = &context.interrupted_requests;
        interrupted.0.lock().insert(id.clone(), entry);
        Self {
            context,
            id,
            drops,
            retry,
            said: None,
        }
    }

    /// An attempt to end it has failed. Says whether the log is to speak of it: at first, and seldom afterwards.
    pub(super) fn failed(&mut self, failure: &Failure) -> bool {
        let mut entries = self.context.interrupted_requests.0.lock();
        if let Some(entry) = entries.get_mut(self.id) {
            entry.seen.failures = entry.seen.failures.saturating_add(1);
            entry.failure = Some(failure.to_string());
        }
        let is_said = self.said.is_none_or(|said| said.elapsed() >= SILENCE);
        if is_said {
            self.said = Some(Instant::now());
        }
        is_said
    }

    /// Told when an operator wants it to be tried at once.
    pub(super) fn retry(&self) -> Arc<Notify> {
        self.retry.clone()
    }

    /// Waits until an operator wants it to be given up.
    pub(super) async fn dropped(&mut self) -> Asked {
        match self.drops.recv().await {
            Some(asked) => asked,
            // The sender is there as long as this is.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.context.interrupted_requests.0.lock().remove(self.id);
    }
}

/// The interrupted requests of a context that have not ended for so long that operators are shown them.
pub fn list(context: &Context) -> Vec<InterruptedRequest> {
    let entries = context.interrupted_requests.0.lock();
    let shown = entries.values().filter(|entry| is_shown(context, entry));
    let shown = shown.map(|entry| InterruptedRequest {
        reason: reason(context, entry),
        ..entry.seen.clone()
    });
    shown.collect()
}

fn is_shown(context: &Context, entry: &Entry) -> bool {
    // What cannot be read does not end by itself.
    entry.seen.began.is_none_or(|began| {
        let age = Duration::from_millis(wall_clock().saturating_sub(began));
        age >= context.settings.limits.stuck_after
    })
}

fn reason(context: &Context, entry: &Entry) -> String {
    match (context.availability.check(&context.name), &entry.failure) {
        (_, Some(failure)) if entry.seen.began.is_none() => failure.clone(),
        (Err(closed), _) => closed.to_string(),
        (Ok(()), Some(failure)) => failure.clone(),
        (Ok(()), None) => "it is being tried".to_owned(),
    }
}

/// Has an interrupted request tried at once. False when there is none that operators are shown.
pub fn retry(context: &Context, id: &InvocationId) -> bool {
    let entries = context.interrupted_requests.0.lock();
    let shown = entries.get(id).filter(|entry| is_shown(context, entry));
    shown.map(|entry| entry.retry.notify_one()).is_some()
}

/// Gives an interrupted request up: what it called is undone, as far as that can be found. False when there is none that operators are shown.
///
/// # Errors
///
/// When the journal cannot be written.
pub async fn give_up(context: &Context, id: &InvocationId) -> Result<bool, Failure> {
    let Some(drops) = drops(context, id) else {
        return Ok(false);
    };
    let (answer, answered) = oneshot::channel();
    if drops.send(Asked(answer)).await.is_err() {
        return Ok(false);
    }
    match answered.await {
        Ok(ended) => ended.map(|()| true),
        // It has ended by itself meanwhile.
        Err(_) => Ok(false),
    }
}

fn drops(context: &Context, id: &InvocationId) -> Option<mpsc::Sender<Asked>> {
    let entries = context.interrupted_requests.0.lock();
    let entry = entries.get(id)?;
    is_shown(context, entry).then(|| entry.drops.clone())
}
