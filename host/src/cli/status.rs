//! `innkeeper status`

use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::candidates;
use super::client::{Client, encoded};
use super::failure::Failure;
use super::graph::{errors, p99};
use super::operator_flags::OperatorFlags;
use super::output;
use super::table::{Align, Table};
use crate::admin::view::{
    Breaker, Caller, Contended, Context, ContextDetail, Contexts, Fault, HealthState, Import, Nats,
    Rejected, Retry, Rollout, Subscription, Used,
};
use crate::core::{counted, human_duration, wall_clock};
use crate::observe::sanitize::{CELL, SENTENCE, shown};
use crate::versions::numbered;

/// Show how the contexts of a running app are
///
/// SLOTS is how many of its invocations may run at once (`innkeeper autoscale` says why), LAG is how many events of others a context has yet to pass, UNDO how many calls are still to be undone, DEAD how many events it has given up on.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper status
  innkeeper status viewpage
  innkeeper status --json | jq '.contexts[] | select(.deadLetters > 0).name'")]
pub(super) struct Status {
    /// Show one context in full
    #[arg(add = ArgValueCandidates::new(candidates::contexts))]
    context: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

impl Status {
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.operator.client()?;
        match self.context {
            Some(name) => one(&client, &name, self.json).await,
            None => all(&client, self.json).await,
        }
    }
}

async fn all(client: &Client, json: bool) -> Result<(), Failure> {
    let seen: Contexts = client.get("/v1/contexts").await?;
    if json {
        return Ok(output::json(&seen)?);
    }
    let Contexts {
        contexts,
        notices: of_the_manifest,
        nats,
        ..
    } = seen;
    let mut table = Table::new([
        ("CONTEXT", Align::Left),
        ("VERSION", Align::Left),
        ("STATE", Align::Left),
        ("RESTARTS", Align::Right),
        ("RUNNING", Align::Right),
        ("WAITING", Align::Right),
        ("SLOTS", Align::Right),
        ("COMMITS", Align::Right),
        ("LAG", Align::Right),
        ("UNDO", Align::Right),
        ("DEAD", Align::Right),
        ("BREAKER", Align::Left),
    ]);
    let dead: u64 = contexts.iter().map(|context| context.dead_letters).sum();
    let notices: Vec<_> = contexts
        .iter()
        .flat_map(|context| {
            let notices = context.notices.iter();
            notices.map(|notice| format!("{}: {notice}", context.name))
        })
        .collect();
    let contended = contexts.iter().filter(|context| is_contended(context));
    let ill = |context: &&Context| context.state != HealthState::Running;
    let ill = contexts.iter().filter(ill);
    let ill: Vec<_> = ill.map(|context| context.name.clone()).collect();
    let contended: Vec<_> = contended.map(|context| context.name.clone()).collect();
    let faults = contexts.iter().filter_map(|context| {
        let summary = context.fault.as_ref()?.summary()?;
        Some(format!("on purpose, {}: {summary}", context.name))
    });
    let faults: Vec<_> = faults.collect();
    for context in contexts {
        table.row([
            context.name.clone(),
            version(&context),
            context.state.name().to_owned(),
            context.restarts.to_string(),
            context.invocations.running.to_string(),
            context.invocations.pending.to_string(),
            slots(&context),
            context.journal.flushed.to_string(),
            context.lag.values().sum::<u64>().to_string(),
            context.compensations_pending.to_string(),
            context.dead_letters.to_string(),
            breaker(context.circuit_breaker).to_owned(),
        ]);
    }
    table.print()?;
    for fault in faults {
        output::line(fault)?;
    }
    for notice in notices.into_iter().chain(of_the_manifest) {
        output::line(notice)?;
    }
    if let Some(nats) = nats {
        output::line(feed(&nats))?;
        for subscription in &nats.subscriptions {
            output::line(taken_in(subscription))?;
        }
        if let Some(notice) = &nats.notice {
            output::line(format_args!("NATS: {notice}"))?;
        }
        if nats.dead_letters > 0 {
            output::note("Next: innkeeper nats dead-letters");
        }
    }
    if dead > 0 {
        output::note("Next: innkeeper dead-letters");
    }
    if let Some(name) = ill.first() {
        output::note(format_args!("Next: innkeeper describe {name}"));
    }
    for name in contended {
        output::note(format!(
            "invocations of {name} keep conflicting on one key. Next: innkeeper status {name}"
        ));
    }
    Ok(())
}

/// Whether a key is so hot that it costs the context much of its speed.
fn is_contended(context: &Context) -> bool {
    const MANY: u64 = 1_000;
    let worst = context.contended.first();
    worst.is_some_and(|worst| {
        worst.conflicts >= MANY && worst.conflicts >= context.journal.applied / 10
    })
}

/// How the events on NATS are, for people.
fn feed(nats: &Nats) -> String {
    let lag = match nats.lag {
        Some(0) => "every event is published".to_owned(),
        Some(1) => "1 event is waiting to be published".to_owned(),
        Some(events) => format!("{events} events are waiting to be published"),
        None => "the stream has not been reached yet".to_owned(),
    };
    let dead_letters = match nats.dead_letters {
        0 => String::new(),
        1 => ", 1 event cannot be".to_owned(),
        events => format!(", {events} events cannot be"),
    };
    match &nats.error {
        Some(error) => format!("NATS: {lag}{dead_letters}: {}", shown(error, SENTENCE)),
        None => format!("NATS: {lag}{dead_letters}"),
    }
}

/// How a subject that is followed outside is, for people.
fn taken_in(subscription: &Subscription) -> String {
    let mut parts = Vec::new();
    match subscription.waiting {
        Some(0) => parts.push("every message was read".to_owned()),
        Some(1) => parts.push("1 message has yet to be read".to_owned()),
        Some(messages) => parts.push(format!("{messages} messages have yet to be read")),
        None => {}
    }
    if subscription.dropped > 0 {
        let messages = counted(subscription.dropped, "message");
        parts.push(format!(
            "the stream dropped {messages} before they were read"
        ));
    }
    parts.extend(
        subscription
            .loss
            .as_ref()
            .map(|loss| format!("{loss}; when you have seen to that: innkeeper nats acknowledge")),
    );
    let error = subscription.error.as_ref();
    parts.extend(error.map(|error| shown(error, SENTENCE).into_owned()));
    if parts.is_empty() {
        parts.push("it is being looked for".to_owned());
    }
    format!(
        "NATS {} {}: {}",
        shown(&subscription.source, CELL),
        shown(&subscription.subject, CELL),
        parts.join("; ")
    )
}

async fn one(client: &Client, name: &str, json: bool) -> Result<(), Failure> {
    let detail: ContextDetail = client
        .get(&format!("/v1/contexts/{}", encoded(name)))
        .await?;
    if json {
        return Ok(output::json(&detail)?);
    }
    for line in lines(&detail) {
        output::line(line)?;
    }
    if let Some(retry) = detail.retries.first() {
        output::note(format_args!(
            "Next: innkeeper dead-letters give-up {name} {}",
            retry.id
        ));
    }
    Ok(())
}

/// A context in full, for people.
fn lines(detail: &ContextDetail) -> Vec<String> {
    let context = &detail.context;
    let field = |name: &str, value: String| format!("{name:<16}{}", shown(&value, SENTENCE));
    let mut lines = vec![
        field("context", context.name.clone()),
        field("summary", context.summary.clone()),
        field("version", version(context)),
        field(
            "state",
            format!(
                "{}, restarted {}",
                context.state.name(),
                counted(context.restarts, "time")
            ),
        ),
        field(
            "invocations",
            format!(
                "{} running, {} waiting",
                context.invocations.running, context.invocations.pending
            ),
        ),
        field("slots", slots(context)),
        field("breaker", breaker(context.circuit_breaker).to_owned()),
    ];
    let callers = context.callers.iter();
    lines.extend(callers.map(|caller| field("caller", called_by(caller))));
    let fault = context.fault.as_ref().and_then(Fault::summary);
    lines.extend(fault.map(|fault| field("on purpose", fault)));
    lines.extend([
        field(
            "journal",
            format!(
                "{}, {} on disk, generation {}",
                counted(context.journal.applied, "commit"),
                context.journal.flushed,
                context.journal.generation
            ),
        ),
        field("to be undone", context.compensations_pending.to_string()),
        field("dead letters", context.dead_letters.to_string()),
    ]);
    for Used {
        resource,
        used,
        limit,
    } in &context.quota
    {
        let value = match limit {
            Some(limit) => format!("{used} of {limit} {resource}"),
            None => format!("{used} {resource}"),
        };
        lines.push(field("keeps", value));
    }
    if context.log_lines_dropped > 0 {
        let dropped = counted(context.log_lines_dropped, "line");
        let dropped = format!("{dropped} dropped, more than limits.log allows");
        lines.push(field("log", dropped));
    }
    let notices = context.notices.iter();
    lines.extend(notices.map(|notice| field("notice", notice.clone())));
    if let Some(rollout) = &detail.rollout {
        lines.push(field("rollout", rollout_line(rollout)));
    }
    lines.extend(
        detail
            .retries
            .iter()
            .map(|retry| field("stuck", stuck(retry))),
    );
    let subscriptions = detail.subscriptions.iter();
    lines.extend(subscriptions.map(|subscription| field("subscription", taken_in(subscription))));
    for Contended { key, conflicts } in &context.contended {
        let times = format!("{key} caused {}", counted(*conflicts, "conflict"));
        lines.push(field("contended", times));
    }
    if is_contended(context) {
        let advice = "many invocations change that key, and only one at a time gets through; \
                      divide it among several keys, or have a projection make it from events";
        lines.push(field("advice", advice.to_owned()));
    }
    if let Some(rebuild) = &detail.rebuild {
        let progress = format!(
            "{:?}, {} of {}",
            rebuild.state,
            rebuild.handled,
            counted(rebuild.total, "event")
        );
        lines.push(field("rebuild", progress.to_lowercase()));
    }
    let lag = context.lag.iter();
    lines.extend(lag.map(|(source, events)| field("behind", format!("{source} by {events}"))));
    if let Some(description) = &detail.description {
        let routes = description.routes.iter();
        lines
            .extend(routes.map(|route| field("route", format!("{} {}", route.method, route.path))));
        let follows = description.follows.iter();
        lines
            .extend(follows.map(|followed| {
                field("follows", format!("{}.{}", followed.source, followed.kind))
            }));
        let publishes = description.publishes.iter();
        lines.extend(publishes.map(|kind| field("publishes", kind.clone())));
        let offers = description.offers.iter();
        lines.extend(offers.map(|interface| field("offers", interface.clone())));
        let imports = detail.imports.iter();
        lines.extend(imports.map(|import| field("uses", imported(import))));
    }
    let config = detail.config.iter();
    lines.extend(config.map(|(key, value)| field("config", format!("{key} = {value}"))));
    lines
}

/// A caller, in a line.
fn called_by(caller: &Caller) -> String {
    let Rejected { pool, open } = caller.rejected;
    let mut line = format!("{}: {}", caller.caller, breaker(caller.circuit_breaker));
    if caller.traffic.count > 0 {
        line.push_str(&format!(
            ", {:.1}/s, p99 {}, {} errors",
            caller.traffic.per_second,
            p99(&caller.traffic),
            errors(&caller.traffic)
        ));
    }
    if caller.pending > 0 {
        line.push_str(&format!(", {} waiting", caller.pending));
    }
    if pool > 0 {
        line.push_str(&format!(", {pool} turned away by its connection pool"));
    }
    if open > 0 {
        line.push_str(&format!(", {open} turned away while it was open"));
    }
    line
}

/// An event that is tried again, in a line.
fn stuck(retry: &Retry) -> String {
    let Retry {
        id,
        attempts,
        limit,
        reason,
        next,
        event,
    } = retry;
    let pause = next.0.saturating_sub(wall_clock());
    let next = match pause {
        0 => "it is being tried now".to_owned(),
        pause => format!(
            "next attempt in {}",
            human_duration(Duration::from_millis(pause))
        ),
    };
    let kind = event.kind();
    format!("{kind} {id}: {attempts} of {limit} attempts failed, {next}: {reason}")
}

/// An interface of another context, in a line.
fn imported(import: &Import) -> String {
    let interface = &import.interface;
    match (&import.context, import.circuit_breaker) {
        (None, _) => format!("{interface}, which no context offers"),
        (Some(context), Some(state @ (Breaker::Open | Breaker::HalfOpen))) => {
            format!(
                "{interface} of {context}, whose breaker is {}",
                breaker(state)
            )
        }
        (Some(context), _) => format!("{interface} of {context}"),
    }
}

/// How a rollout goes or went, in a line.
fn rollout_line(rollout: &Rollout) -> String {
    let Rollout {
        number,
        stage,
        weight,
        ..
    } = rollout;
    let mut line = match (&rollout.outcome, weight) {
        (Some(outcome), _) => format!("{}: {outcome}", numbered(*number)),
        (None, 0) => format!("{}: {stage}", numbered(*number)),
        (None, weight) => format!("{}: {stage} at {weight} %", numbered(*number)),
    };
    if rollout.paused {
        line.push_str(", paused");
    }
    if let Some(held) = &rollout.held {
        line.push_str(&format!(", held: {held}"));
    } else if let Some(evidence) = &rollout.evidence {
        line.push_str(&format!(": {}", evidence.summary));
    }
    if let Some(reason) = &rollout.reason {
        line.push_str(&format!(": {reason}"));
    }
    if let Some(watch) = &rollout.watch {
        line.push_str(&format!(", watch: {}", watch.state));
        let reason = watch.reason.iter();
        line.extend(reason.map(|reason| format!(": {reason}")));
    }
    line
}

/// How many invocations of a context may run at once, and of how many.
fn slots(context: &Context) -> String {
    match &context.slots {
        Some(slots) if slots.loaded => format!("{} of {}", slots.slots, slots.max),
        Some(slots) => format!("{} of {}, unloaded", slots.slots, slots.max),
        None => "all".to_owned(),
    }
}

/// A version as people tell it apart.
fn version(context: &Context) -> String {
    match &context.version {
        Some(version) => format!(
            "{} {}",
            version.number,
            version.digest.chars().take(12).collect::<String>()
        ),
        None => "none".to_owned(),
    }
}

/// Where a circuit breaker stands, for people.
pub(super) fn breaker(breaker: Breaker) -> &'static str {
    match breaker {
        Breaker::Closed => "closed",
        Breaker::Open => "open",
        Breaker::HalfOpen => "half-open",
    }
}
