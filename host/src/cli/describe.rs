//! `innkeeper describe`

use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::candidates;
use super::client::encoded;
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use super::table::{Align, Table};
use crate::admin::view::{
    ContextDetail, Health, HealthCondition, HealthState, LastState, Occurrence,
};
use crate::core::{Timestamp, human_duration, wall_clock};
use crate::observe::sanitize::{SENTENCE, shown};

/// Show how a context is: its state, its probes, its restarts, and what happened to it lately
///
/// As `kubectl describe pod` does. Restarts are those since the host started, and so are events, of the last hour: of its health, its versions, its slots, its circuit
/// breakers and injected faults. `innkeeper events --context innkeeper` has all that were told.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper describe room
  innkeeper describe room --json | jq '.health.conditions[] | select(.status | not)'")]
pub(super) struct Describe {
    /// The context
    #[arg(add = ArgValueCandidates::new(candidates::contexts))]
    context: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

impl Describe {
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.operator.client()?;
        let path = format!("/v1/contexts/{}", encoded(&self.context));
        let detail: ContextDetail = client.get(&path).await?;
        if self.json {
            return Ok(output::json(&detail)?);
        }
        for line in head(&detail) {
            output::line(line)?;
        }
        conditions(&detail.health.conditions)?;
        occurrences(&detail.health.events)
    }
}

/// A name and what it has, as `kubectl describe` aligns them.
fn field(name: &str, value: &str) -> String {
    format!("{:<17}{}", format!("{name}:"), shown(value, SENTENCE))
}

fn head(detail: &ContextDetail) -> Vec<String> {
    let (context, health) = (&detail.context, &detail.health);
    let mut lines = vec![field("Name", &context.name)];
    lines.push(field("Summary", &context.summary));
    let version = context.version.as_ref();
    let version = version.map_or_else(
        || "none".to_owned(),
        |version| {
            let label = version.label.as_ref().map(|label| format!(" ({label})"));
            let digest = version.digest.get(..12).unwrap_or(&version.digest);
            format!("{} {digest}{}", version.number, label.unwrap_or_default())
        },
    );
    lines.push(field("Version", &version));
    lines.extend(state(health));
    lines.extend(health.last_state.iter().flat_map(last_state));
    lines.push(field("Restart Count", &health.restarts.to_string()));
    for (probe, export) in [
        ("startup", "health.ready"),
        ("readiness", "health.ready"),
        ("liveness", "health.live"),
    ] {
        if let Some(settings) = health.probes.get(probe) {
            let mut name = probe.to_owned();
            if let Some(first) = name.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            lines.push(field(&name, &format!("{export} {settings}")));
        }
    }
    let notices = context.notices.iter();
    lines.extend(notices.map(|notice| field("Notice", notice)));
    lines
}

/// What it does, in Kubernetes' words: it runs, or waits for a reason.
fn state(health: &Health) -> Vec<String> {
    match health.state {
        HealthState::Running | HealthState::NotReady => {
            let mut lines = vec![field("State", "Running")];
            let since = health.running_since.map(|since| since.to_string());
            lines.extend(since.map(|since| field("  Started", &since)));
            lines
        }
        waiting => {
            let mut lines = vec![field("State", "Waiting"), field("  Reason", waiting.name())];
            if let Some(next) = health.next_restart {
                lines.push(field(
                    "  Next Restart",
                    &format!("{next}, in {}", until(next)),
                ));
            }
            lines
        }
    }
}

fn last_state(last: &LastState) -> Vec<String> {
    vec![
        field("Last State", "Terminated"),
        field("  Version", &last.version.to_string()),
        field("  Reason", &last.reason),
        field("  Message", &last.message),
        field("  Started", &last.started.to_string()),
        field("  Finished", &last.finished.to_string()),
    ]
}

fn conditions(conditions: &[HealthCondition]) -> Result<(), Failure> {
    output::line("Conditions:")?;
    let mut table = Table::new([
        ("  Type", Align::Left),
        ("Status", Align::Left),
        ("Since", Align::Left),
        ("Message", Align::Left),
    ]);
    for condition in conditions {
        let status = match condition.status {
            true => "True",
            false => "False",
        };
        table.row([
            format!("  {}", condition.kind),
            status.to_owned(),
            condition.since.map_or_else(String::new, ago),
            condition.message.clone().unwrap_or_default(),
        ]);
    }
    Ok(table.print()?)
}

fn occurrences(events: &[Occurrence]) -> Result<(), Failure> {
    if events.is_empty() {
        return Ok(output::line(field("Events", "<none>"))?);
    }
    output::line("Events:")?;
    let mut table = Table::new([
        ("  Type", Align::Left),
        ("Reason", Align::Left),
        ("Age", Align::Left),
        ("Message", Align::Left),
    ]);
    for event in events {
        let age = match event.count {
            1 => ago(event.last),
            count => format!("{} (x{count} over {})", ago(event.last), ago(event.first)),
        };
        table.row([
            format!("  {}", event.kind),
            event.reason.clone(),
            age,
            event.message.clone(),
        ]);
    }
    Ok(table.print()?)
}

/// How long ago that was, in whole seconds.
fn ago(time: Timestamp) -> String {
    whole_seconds(wall_clock().saturating_sub(time.0))
}

fn until(time: Timestamp) -> String {
    whole_seconds(time.0.saturating_sub(wall_clock()))
}

fn whole_seconds(milliseconds: u64) -> String {
    human_duration(Duration::from_secs(milliseconds / 1_000)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_says_why_and_for_how_long() {
        let health = Health {
            state: HealthState::CrashLoopBackOff,
            restarts: 3,
            next_restart: Some(Timestamp(wall_clock() + 5_500)),
            running_since: None,
            conditions: Vec::new(),
            last_state: None,
            probes: Default::default(),
            events: Vec::new(),
        };
        let lines = state(&health);
        assert_eq!(lines[0], "State:           Waiting");
        assert_eq!(lines[1], "  Reason:        CrashLoopBackOff");
        assert!(lines[2].ends_with("in 5 s"), "{}", lines[2]);
    }
}
