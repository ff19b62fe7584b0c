//! `/livez` and `/readyz`: what the machinery around the host asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use futures::future::try_join_all;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use super::state::State;
use super::view;
use crate::app::Host;
use crate::invocation::Context;
use crate::manifest::Subscription;
use crate::nats;

/// How long the journal may take to answer.
const JOURNAL: Duration = Duration::from_secs(2);

/// Whether the host can serve, and what keeps it from it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    ready: bool,
    /// What was looked at: `ok`, or what is wrong with it.
    checks: BTreeMap<String, String>,
    /// What is wrong, and no reason to send no requests.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    warnings: BTreeMap<String, String>,
}

/// Whether the process should go on
#[utoipa::path(get, path = "/livez", tag = "health", security(()), responses(
    (status = 200, description = "it should"),
    (status = 503, description = "what `[host] liveness` names has not worked for `liveness_timeout`: it should be restarted")
))]
pub(super) async fn live(Shared(state): Shared<Arc<State>>) -> Response {
    let well = match state.host.get() {
        Some(host) => state.liveness.check(host),
        // How long a start may take is for others to say.
        None => Ok(()),
    };
    match well {
        Ok(()) => "ok\n".into_response(),
        Err(reason) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, reason).into_response(),
    }
}

/// Whether requests are welcome, and why not
#[utoipa::path(get, path = "/readyz", tag = "health", security(()), responses(
    (status = 200, body = Readiness),
    (status = 503, body = Readiness)
))]
pub(super) async fn ready(Shared(state): Shared<Arc<State>>) -> Response {
    let (mut checks, mut warnings) = (BTreeMap::new(), BTreeMap::new());
    let mut check = |name: &str, result: Result<(), String>| {
        checks.insert(name.to_owned(), result.err().unwrap_or_else(|| "ok".into()));
    };
    match state.host.get() {
        None => check("start", Err("the app is still starting".into())),
        Some(host) => {
            for (name, context) in host.contexts().iter() {
                // One that is just being added is not part of the app yet.
                if host.wiring().serving(name).is_none() {
                    continue;
                }
                check(&format!("context {name}"), serves(host, context));
            }
            check("journal", journal(host).await);
            // Reads go on, and there is no other host that could take the writes.
            if let Some(shortage) = host.shortage().await {
                warnings.insert("disk".to_owned(), shortage.to_string());
            }
            if let Some(most) = most_behind(host) {
                check("nats", published(host, most).await);
            }
            for subscription in host.manifest().subscriptions() {
                if let Some(most) = subscription.unready_when_behind {
                    let name = format!("nats {} {}", subscription.source, subscription.subject);
                    check(&name, taken_in(host, &subscription, most));
                }
                if subscription.unready_when_lost {
                    let name = format!(
                        "nats {} {} lost nothing",
                        subscription.source, subscription.subject
                    );
                    check(&name, nothing_lost(host, &subscription));
                }
            }
        }
    }
    if state.draining.is_cancelled() {
        check(
            "stop",
            Err("the host is draining, because it was asked to stop".into()),
        );
    }
    let ready = checks.values().all(|found| found == "ok");
    let status = match ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let readiness = Readiness {
        ready,
        checks,
        warnings,
    };
    (status, Json(readiness)).into_response()
}

fn serves(host: &Host, context: &Context) -> Result<(), String> {
    match context.version() {
        Some(_) => Ok(()),
        None => Err(match host.deployer.rollouts(context).refused() {
            Some(refused) => format!("no version serves: {refused}"),
            None => "no version serves".into(),
        }),
    }
}

/// Whether commits get through.
async fn journal(host: &Host) -> Result<(), String> {
    let ledgers = host.ledgers().own.all();
    let barriers = ledgers.values().map(|ledger| ledger.barrier());
    match tokio::time::timeout(JOURNAL, try_join_all(barriers)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {JOURNAL:?}")),
    }
}

fn most_behind(host: &Host) -> Option<u32> {
    host.manifest().nats.as_ref()?.unready_when_behind
}

/// Whether NATS has the events, but for so many.
async fn published(host: &Arc<Host>, most: u32) -> Result<(), String> {
    let counting = host.clone();
    let behind = tokio::task::spawn_blocking(move || nats::behind(&counting.nats)).await;
    match behind {
        Ok(Ok(Some(events))) if events <= u64::from(most) => Ok(()),
        Ok(Ok(Some(events))) => Err(format!(
            "{events} events are waiting to be published, more than {most}"
        )),
        Ok(Ok(None)) => Err("the stream has not been reached yet".into()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the host is stopping".into()),
    }
}

/// Whether what is followed outside is taken in, but for so many messages.
fn taken_in(host: &Host, subscription: &Subscription, most: u32) -> Result<(), String> {
    let status = status(host, subscription);
    match (status.error, status.waiting) {
        (Some(error), _) => Err(error),
        (None, Some(messages)) if messages <= u64::from(most) => Ok(()),
        (None, Some(messages)) => Err(format!(
            "{messages} messages have yet to be read, more than {most}"
        )),
        (None, None) => Err("the stream has not been reached yet".into()),
    }
}

/// Whether the stream has lost nothing that no operator has seen.
fn nothing_lost(host: &Host, subscription: &Subscription) -> Result<(), String> {
    let Some(loss) = status(host, subscription).loss else {
        return Ok(());
    };
    let Subscription {
        source, subject, ..
    } = subscription;
    Err(format!(
        "{}; look what that means, then: innkeeper nats acknowledge {source} '{subject}'",
        view::StreamLoss::from(loss)
    ))
}

fn status(host: &Host, subscription: &Subscription) -> nats::SubscriptionStatus {
    let subscriptions = host
        .nats
        .status
        .as_ref()
        .map(|status| status.subscriptions());
    let key = (subscription.source.clone(), subscription.subject.clone());
    let found = subscriptions.and_then(|mut subscriptions| subscriptions.remove(&key));
    found.unwrap_or_default()
}
