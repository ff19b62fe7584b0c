//! `innkeeper graph`

mod layout;
mod svg;

use std::time::Duration;

use clap::Args;

use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use super::status::breaker;
use super::table::{Align, Table};
use crate::admin::view::{Contexts, Faulty, Graph as View, Traffic};
use crate::core::human_duration;

/// Show who calls whom and who follows whom
///
/// RATE, P99 and ERRORS are of the last minute; REJECTED is what circuit breakers have turned away since the host started. The gateway stands for requests at the
/// public port, nats for calls over NATS. With --svg it is a picture for people and documents, without numbers: it is the same until the app is another one.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper graph
  innkeeper graph --svg > stay.svg
  innkeeper graph --json | jq '.calls[] | select(.circuitBreaker != \"closed\")'")]
pub(super) struct Graph {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print a picture (SVG), for light and dark backgrounds
    #[arg(long, conflicts_with = "json")]
    svg: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

impl Graph {
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.operator.client()?;
        let graph: View = client.get("/v1/graph").await?;
        if self.svg {
            let Contexts { app, contexts, .. } = client.get("/v1/contexts").await?;
            let names = contexts.into_iter().map(|context| context.name).collect();
            let picture = svg::draw(&app, &names, &graph);
            return Ok(output::own(picture.as_bytes())?);
        }
        if self.json {
            return Ok(output::json(&graph)?);
        }
        calls(&graph)?;
        follows(&graph)?;
        for Faulty { context, fault } in &graph.faults {
            if let Some(summary) = fault.summary() {
                output::line(format_args!("on purpose, {context}: {summary}"))?;
            }
        }
        Ok(())
    }
}

fn calls(graph: &View) -> Result<(), Failure> {
    let mut table = Table::new([
        ("CALLER", Align::Left),
        ("CALLEE", Align::Left),
        ("RATE", Align::Right),
        ("P99", Align::Right),
        ("ERRORS", Align::Right),
        ("REJECTED", Align::Right),
        ("BREAKER", Align::Left),
    ]);
    for call in &graph.calls {
        let caller = &call.caller;
        let rejected = &caller.rejected;
        table.row([
            caller.caller.clone(),
            call.callee.clone(),
            format!("{:.1}/s", caller.traffic.per_second),
            p99(&caller.traffic),
            errors(&caller.traffic),
            (rejected.pool + rejected.open).to_string(),
            breaker(caller.circuit_breaker).to_owned(),
        ]);
    }
    Ok(table.print()?)
}

fn follows(graph: &View) -> Result<(), Failure> {
    if graph.follows.is_empty() {
        return Ok(());
    }
    output::line("")?;
    let mut table = Table::new([
        ("FOLLOWER", Align::Left),
        ("SOURCE", Align::Left),
        ("RATE", Align::Right),
        ("P99", Align::Right),
        ("ERRORS", Align::Right),
        ("BEHIND", Align::Right),
        ("EVENTS", Align::Left),
    ]);
    for follow in &graph.follows {
        table.row([
            follow.follower.clone(),
            follow.source.clone(),
            format!("{:.1}/s", follow.traffic.per_second),
            p99(&follow.traffic),
            errors(&follow.traffic),
            follow.behind.to_string(),
            follow.kinds.join(", "),
        ]);
    }
    Ok(table.print()?)
}

/// What 99 of 100 did not take longer than, for people.
pub(super) fn p99(traffic: &Traffic) -> String {
    match traffic.count {
        0 => "-".to_owned(),
        _ => human_duration(Duration::from_micros(traffic.p99_micros)).to_string(),
    }
}

/// How many failed, for people.
pub(super) fn errors(traffic: &Traffic) -> String {
    match traffic.count {
        0 => "-".to_owned(),
        count => format!("{:.1} %", traffic.errors as f64 * 100.0 / count as f64),
    }
}
