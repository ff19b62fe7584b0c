//! `/v1/contexts`

use std::sync::Arc;

use axum::Json;

use super::callers;
use super::config;
use super::extract::{Named, Running, reading};
use super::nats;
use super::problem::Problem;
use super::retries;
use super::usage;
use super::view;
use crate::app::Host;
use crate::core::ContextName;
use crate::events::{self, Lag, dead_letter};
use crate::invocation::Context;
use crate::journal::{self, KeyRange, Shortage, Space};
use crate::manifest::Engine;
use crate::observe::masking::MASK;
use crate::rollout;
use crate::rollout::rebuild;

/// How many contended keys are shown.
const CONTENDED: usize = 5;

/// The app's contexts, and how each is
#[utoipa::path(get, path = "/v1/contexts", tag = "contexts", responses(
    (status = 200, body = view::Contexts),
    (status = 503, description = "the app is still starting")
))]
pub(super) async fn list(Running(host): Running) -> Result<Json<view::Contexts>, Problem> {
    let contexts = reading(move || {
        let contexts = host.contexts();
        let shortage = shortage(&host);
        let contexts = contexts
            .values()
            .map(|context| see(&host, context, shortage));
        Ok(view::Contexts {
            app: host.manifest().app.name.clone(),
            contexts: contexts.collect::<Result<_, _>>()?,
            notices: host.manifest_notices(),
            nats: nats::see(&host)?,
        })
    });
    Ok(Json(contexts.await?))
}

/// A context in full
#[utoipa::path(get, path = "/v1/contexts/{name}", tag = "contexts", params(("name", description = "the context")), responses(
    (status = 200, body = view::ContextDetail),
    (status = 404, description = "there is no such context")
))]
pub(super) async fn one(
    Named { host, context }: Named,
) -> Result<Json<view::ContextDetail>, Problem> {
    let detail = reading(move || {
        let version = context.version();
        let rollout = host.deployer.rollouts(&context).newest();
        let seen = host.deployer.health(&context).see(&context);
        Ok(view::ContextDetail {
            health: view::Health::new(
                seen,
                host.invoker.host_events.lately(&context.name),
                &context.settings,
            ),
            description: version.map(|version| (&version.description).into()),
            config: config::masked(&context.config(), &context.shown_keys()),
            rollout: rollout
                .map(|rollout| view::Rollout::new(&context.name, &rollout, rollout.progress())),
            retries: retries::see(&host, &context)?,
            subscriptions: subscriptions(&host, &context),
            imports: imports(&host, &context),
            rebuild: rebuild::progress(&host.deployer, &context)?.map(Into::into),
            context: see(&host, &context, shortage(&host))?,
        })
    });
    Ok(Json(detail.await?))
}

/// What is missing on the volume of the journals that are on disk, if it is. Blocks.
fn shortage(host: &Host) -> Option<Shortage> {
    host.committer()?.free_space()?.shortage()
}

/// Whether a context's journal is on disk.
fn is_on_disk(host: &Host, context: &Context) -> bool {
    let engine = context.settings.journal;
    engine.unwrap_or(host.manifest().journal.engine) != Engine::Memory
}

/// What an operator should know when the context's events are not published.
fn unpublished(host: &Host, context: &Context) -> Option<String> {
    let is_held = host.nats.status.as_ref()?.is_held(&context.name);
    is_held.then(|| "one of its events cannot be published, and it has as many dead letters of the relay as quota.dead_letters allows: its events wait until some are retried or dropped (innkeeper nats dead-letters)".to_owned())
}

/// Looks at a context. Blocks.
fn see(
    host: &Host,
    context: &Arc<Context>,
    shortage: Option<Shortage>,
) -> Result<view::Context, journal::Error> {
    let serving = context.serving();
    let version = serving.version();
    let candidate = serving.candidate.as_ref();
    let ledger = &context.ledger;
    let lag = events::lag(&host.events, context)?.into_iter();
    let missing_dependencies = rollout::missing_dependencies(&host.deployer, &context.name);
    let quota = usage::used(context)?;
    let health = host.deployer.health(context).see(context);
    let scarce = quota.iter().filter_map(usage::Used::warning);
    let shortage = shortage.filter(|_| is_on_disk(host, context));
    let scarce: Vec<_> = scarce
        .chain(shortage.map(|shortage| shortage.to_string()))
        .chain(unpublished(host, context))
        .collect();
    let callers = callers::see(context);
    Ok(view::Context {
        name: context.name.to_string(),
        summary: version
            .map(|version| version.description.summary.clone())
            .unwrap_or_default(),
        version: version.map(|version| (&**version).into()),
        candidate: candidate.map(|candidate| view::Candidate {
            version: (&**candidate.version).into(),
            weight: candidate.weight,
        }),
        state: health.state.into(),
        restarts: health.restarts,
        invocations: view::Invocations {
            running: context.admission.running(),
            pending: context.admission.pending(),
        },
        slots: host
            .autoscalers
            .of(&context.name)
            .map(|scaled| view::Slots {
                slots: scaled.slots,
                max: scaled.max,
                loaded: scaled.is_loaded,
            }),
        circuit_breaker: callers
            .iter()
            .map(|caller| caller.circuit_breaker)
            .max()
            .unwrap_or(view::Breaker::Closed),
        callers,
        fault: context.faults.current().map(|faults| (&*faults).into()),
        journal: view::Positions {
            applied: ledger.applied(),
            flushed: ledger.flushed(),
            generation: context.generation(),
        },
        lag: lag
            .map(|Lag { source, events }| (source.to_string(), events))
            .collect(),
        intents_pending: ledger.count(Space::Intent, &KeyRange::all())?,
        compensations_pending: ledger.count(Space::Compensation, &KeyRange::all())?,
        dead_letters: dead_letter::count(context)?,
        notices: host
            .deployer
            .rollouts(context)
            .refused()
            .into_iter()
            .chain(missing_dependencies)
            .chain(scarce)
            .collect(),
        quota: quota.into_iter().map(Into::into).collect(),
        log_lines_dropped: context.log.dropped(),
        contended: contended(context),
    })
}

/// What a context follows outside.
fn subscriptions(host: &Host, context: &Context) -> Vec<view::Subscription> {
    let followed = &context.settings.follows.nats;
    let mut subscriptions = nats::subscriptions(host);
    subscriptions.retain(|subscription| followed.contains_key(&subscription.subject));
    subscriptions
}

/// Whom a context calls.
fn imports(host: &Host, context: &Context) -> Vec<view::Import> {
    let version = context.version();
    let uses = version.iter().flat_map(|version| &version.description.uses);
    let wiring = host.wiring();
    let import = |interface: &String| {
        let offering = wiring.links.offering(interface);
        view::Import {
            interface: interface.clone(),
            context: offering.map(ContextName::to_string),
            circuit_breaker: offering
                .and_then(|offering| host.context(offering))
                .map(|offering| callers::state(&offering, &context.name)),
        }
    };
    uses.map(import).collect()
}

/// The keys of the state that invocations collide on.
fn contended(context: &Context) -> Vec<view::Contended> {
    let worst = context.ledger.contended(usize::MAX).into_iter();
    // Where something is sensitive, it may be a part of a key; what the table is called is not.
    let is_shown = context.settings.sensitive.is_empty();
    let of_the_state = worst.filter(|contended| matches!(contended.space, Space::State(_)));
    let seen = of_the_state.map(|contended| view::Contended {
        key: match (
            is_shown,
            contended.key.iter().position(|byte| *byte == b'/'),
        ) {
            (true, _) => contended.key.escape_ascii().to_string(),
            (false, Some(end)) => {
                let table = contended.key.get(..end).unwrap_or_default();
                format!("{}/{MASK}", table.escape_ascii())
            }
            (false, None) => MASK.to_owned(),
        },
        conflicts: contended.conflicts,
    });
    seen.take(CONTENDED).collect()
}
