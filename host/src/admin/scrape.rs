//! `/metrics`: what was measured, for Prometheus; and the levels that stand when somebody looks.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

use super::autoscalers;
use super::problem::Problem;
use super::state::State;
use super::usage;
use crate::app::Host;
use crate::events;
use crate::invocation::undoing::compensation;
use crate::nats;
use crate::observe::metrics::{
    CONTEXT_READY, DISK_FREE, DISK_FREE_LIMIT, MEMORY_HELD, MEMORY_LIMIT, NATS_DEAD_LETTERS,
    NATS_LAG, NATS_SUBSCRIPTION_LAG, NATS_SUBSCRIPTION_UP, NATS_UP, TextFormat,
};

/// What was measured, for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "health", security(()), responses(
    (status = 200, description = "metrics in Prometheus' text format; or as OpenMetrics, which has exemplars, where `Accept` asks for that")
))]
pub(super) async fn metrics(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    if let Some(host) = state.host.get() {
        take_levels(host).await;
    }
    let format = wanted(&headers);
    let headers = [
        (header::CONTENT_TYPE, format.media_type()),
        (header::VARY, "accept"),
    ];
    let metrics = state.metrics;
    // Of very many contexts it is long.
    match tokio::task::spawn_blocking(move || metrics.text(format)).await {
        Ok(text) => (headers, text).into_response(),
        Err(_) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the host is stopping").into_response()
        }
    }
}

/// Takes the levels that stand now: how much of something there is, unlike what is counted when it happens.
pub async fn take_levels(host: &Arc<Host>) {
    let host = host.clone();
    // What is behind is counted in the journals, which may read the disk. When that fails the last levels stand, and `/readyz` says why.
    let _ = tokio::task::spawn_blocking(move || look(&host)).await;
}

/// The format that `Accept` weighs most; Prometheus' own where it names none.
fn wanted(headers: &HeaderMap) -> TextFormat {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let accepted = accepted.filter_map(|value| value.to_str().ok());
    let ranges = accepted.flat_map(|value| value.split(','));
    let [mut openmetrics, mut plain] = [0.0_f32; 2];
    for range in ranges {
        let mut parts = range.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let weight = parts.find_map(|parameter| parameter.strip_prefix("q="));
        let weight = weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        match media_type.to_ascii_lowercase().as_str() {
            "application/openmetrics-text" => openmetrics = openmetrics.max(weight),
            "text/plain" => plain = plain.max(weight),
            _ => {}
        }
    }
    match openmetrics > 0.0 && openmetrics >= plain {
        true => TextFormat::OpenMetrics,
        false => TextFormat::Prometheus,
    }
}

fn look(host: &Host) {
    let budgets = [
        ("invocations", &host.invoker.memory),
        ("guests", &host.invoker.guests_memory),
        ("answers", &host.answers),
    ];
    for (what, budget) in budgets {
        ::metrics::gauge!(MEMORY_HELD, "for" => what).set(budget.held() as f64);
        ::metrics::gauge!(MEMORY_LIMIT, "for" => what).set(budget.limit() as f64);
    }
    let committer = host.committer();
    if let Some(space) = committer.as_ref().and_then(|one| one.free_space()) {
        ::metrics::gauge!(DISK_FREE_LIMIT).set(space.limit() as f64);
        if let Ok(free) = space.free() {
            ::metrics::gauge!(DISK_FREE).set(free as f64);
        }
    }
    if let Some(status) = &host.nats.status {
        let is_up = status.error().is_none();
        ::metrics::gauge!(NATS_UP).set(if is_up { 1.0 } else { 0.0 });
        if let Ok(Some(events)) = nats::behind(&host.nats) {
            ::metrics::gauge!(NATS_LAG).set(events as f64);
        }
        if let Ok(letters) = nats::dead_letter::list(&host.nats) {
            ::metrics::gauge!(NATS_DEAD_LETTERS).set(letters.len() as f64);
        }
        for ((source, subject), subscription) in status.subscriptions() {
            let labels = [("source", source.to_string()), ("subject", subject)];
            let is_up = subscription.error.is_none() && subscription.stream.is_some();
            ::metrics::gauge!(NATS_SUBSCRIPTION_UP, &labels).set(if is_up { 1.0 } else { 0.0 });
            if let Some(waiting) = subscription.waiting {
                ::metrics::gauge!(NATS_SUBSCRIPTION_LAG, &labels).set(waiting as f64);
            }
        }
    }
    autoscalers::take_levels(host);
    for context in host.contexts().values() {
        let metrics = &context.metrics;
        let computed = context.share.computed().as_micros();
        metrics
            .cpu
            .absolute(u64::try_from(computed).unwrap_or(u64::MAX));
        metrics.running.set(f64::from(context.admission.running()));
        metrics.waiting.set(f64::from(context.admission.pending()));
        for breaker in context.breakers.all().values() {
            breaker.take_level(context);
        }
        let is_ready = context.availability.is_open() && context.version().is_some();
        let labels = [("context", &context.name)];
        ::metrics::gauge!(CONTEXT_READY, &labels).set(if is_ready { 1.0 } else { 0.0 });
        if let Ok(pending) = compensation::pending(context) {
            metrics.compensations_pending.set(pending as f64);
        }
        let _as_they_were = usage::take_levels(context);
        for lag in events::lag(&host.events, context).unwrap_or_default() {
            metrics.follower_lag(&lag.source).set(lag.events as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_one_that_is_asked_for() {
        for (accept, format) in [
            ("", TextFormat::Prometheus),
            ("*/*", TextFormat::Prometheus),
            ("text/plain", TextFormat::Prometheus),
            ("application/openmetrics-text", TextFormat::OpenMetrics),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                TextFormat::OpenMetrics,
            ),
            (
                "application/openmetrics-text;q=0.2, text/plain;q=0.9",
                TextFormat::Prometheus,
            ),
            ("application/openmetrics-text;q=0", TextFormat::Prometheus),
        ] {
            let mut headers = HeaderMap::new();
            if let Ok(value) = accept.parse() {
                headers.insert(header::ACCEPT, value);
            }
            assert_eq!(wanted(&headers), format, "{accept}");
        }
    }
}
