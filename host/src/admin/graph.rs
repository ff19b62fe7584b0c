//! `/v1/graph`

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;

use super::callers;
use super::extract::{Running, reading};
use super::problem::Problem;
use super::view;
use crate::app::Host;
use crate::core::ContextName;
use crate::events::{self, Lag};
use crate::journal;
use crate::manifest::GATEWAY;

/// Who calls whom and who follows whom, with rates, latencies, errors, circuit breakers and injected faults
#[utoipa::path(get, path = "/v1/graph", tag = "contexts", responses(
    (status = 200, body = view::Graph),
    (status = 503, description = "the app is still starting")
))]
pub(super) async fn see(Running(host): Running) -> Result<Json<view::Graph>, Problem> {
    Ok(Json(reading(move || graph(&host)).await?))
}

fn graph(host: &Host) -> Result<view::Graph, journal::Error> {
    let mut expected = expected_callers(host);
    let mut graph = view::Graph {
        calls: Vec::new(),
        follows: Vec::new(),
        faults: Vec::new(),
    };
    for (name, context) in host.contexts().iter() {
        let callers = callers::see_with(context, expected.remove(name).unwrap_or_default());
        graph.calls.extend(callers.into_iter().map(|caller| {
            let callee = name.to_string();
            view::Call { callee, caller }
        }));
        graph.follows.extend(follows(host, name)?);
        graph.faults.extend(context.faults.current().map(|faults| {
            let (context, fault) = (name.to_string(), (&*faults).into());
            view::Faulty { context, fault }
        }));
    }
    Ok(graph)
}

/// Who may call each context, as the versions that serve describe it.
fn expected_callers(host: &Host) -> BTreeMap<ContextName, BTreeSet<ContextName>> {
    let wiring = host.wiring();
    let mut callers: BTreeMap<ContextName, BTreeSet<ContextName>> = BTreeMap::new();
    for (name, context) in host.contexts().iter() {
        let Some(version) = context.version() else {
            continue;
        };
        if !version.description.routes.is_empty() {
            let of_this = callers.entry(name.clone()).or_default();
            of_this.insert(ContextName::of_host(GATEWAY));
        }
        let used = version.description.uses.iter();
        for callee in used.filter_map(|interface| wiring.links.offering(interface)) {
            let of_callee = callers.entry(callee.to_owned()).or_default();
            of_callee.insert(name.clone());
        }
    }
    callers
}

/// Whom a context follows.
fn follows(host: &Host, name: &str) -> Result<Vec<view::Follow>, journal::Error> {
    let Some(context) = host.context(name) else {
        return Ok(Vec::new());
    };
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if let Some(version) = context.version() {
        for followed in &version.description.follows {
            let of_source = kinds.entry(followed.source.clone()).or_default();
            of_source.push(followed.kind.clone());
        }
    }
    let lag = events::lag(&host.events, &context)?.into_iter();
    let mut behind: BTreeMap<_, _> = lag.map(|Lag { source, events }| (source, events)).collect();
    let handled = context.followed.all();
    let follow = |(source, kinds): (String, Vec<String>)| view::Follow {
        follower: name.to_owned(),
        behind: behind.remove(source.as_str()).unwrap_or_default(),
        traffic: handled
            .get(source.as_str())
            .map(|traffic| traffic.last_minute().into())
            .unwrap_or_default(),
        source,
        kinds,
    };
    Ok(kinds.into_iter().map(follow).collect())
}
