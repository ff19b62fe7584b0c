//! `innkeeper autoscale`

use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::candidates;
use super::client::Client;
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use super::table::{Align, Table};
use crate::admin::view::{Autoscaler, Autoscalers, Condition};
use crate::core::{human_duration, wall_clock};

/// How often it looks while it watches: as often as the host decides.
const PERIOD: Duration = Duration::from_secs(1);

/// Show how many slots contexts have, and why
///
/// A slot is a place for one invocation that runs. TARGETS is how much of the slots is used, and is to be: more than 100 % when work waits. The columns are those of `kubectl get hpa`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper autoscale
  innkeeper autoscale --watch
  innkeeper autoscale room
  innkeeper autoscale --json | jq '.autoscalers[] | select(.slots == .max).context'")]
pub(super) struct Autoscale {
    /// Show one context, with its conditions
    #[arg(add = ArgValueCandidates::new(candidates::contexts))]
    context: Option<String>,
    /// Show a line for whatever changes, until it is interrupted
    #[arg(short, long)]
    watch: bool,
    /// Print JSON; with --watch an object a line for whatever changes
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

impl Autoscale {
    pub async fn run(self) -> Result<(), Failure> {
        let mut view = View {
            client: self.operator.client()?,
            context: self.context,
            json: self.json,
            shown: Vec::new(),
        };
        let first = view.look().await?;
        if self.json && !self.watch {
            return Ok(output::json(&first)?);
        }
        if first.autoscalers.is_empty() {
            output::note(match &view.context {
                Some(name) => format!("{name} is not scaled: it has no section `autoscale`"),
                None => "no context has a section `autoscale`".to_owned(),
            });
            return Ok(());
        }
        view.show(&first)?;
        if !self.watch {
            return match (&view.context, &first.autoscalers[..]) {
                (Some(_), [autoscaler]) => conditions(autoscaler),
                _ => Ok(()),
            };
        }
        let mut seconds = tokio::time::interval(PERIOD);
        loop {
            seconds.tick().await;
            let seen = view.look().await?;
            view.show(&seen)?;
        }
    }
}

/// What is looked at, and what of it was shown.
struct View {
    client: Client,
    context: Option<String>,
    json: bool,
    shown: Vec<String>,
}

impl View {
    async fn look(&self) -> Result<Autoscalers, Failure> {
        let mut seen: Autoscalers = self.client.get("/v1/autoscalers").await?;
        if let Some(name) = &self.context {
            seen.autoscalers.retain(|one| one.context == *name);
        }
        Ok(seen)
    }

    /// Shows what is not shown already, in columns as wide as what is there.
    fn show(&mut self, seen: &Autoscalers) -> Result<(), Failure> {
        let is_first = self.shown.is_empty();
        let marks: Vec<String> = seen.autoscalers.iter().map(mark).collect();
        let new = seen.autoscalers.iter().zip(&marks);
        let new = new.filter(|(_, mark)| !self.shown.contains(mark));
        let mut table = Table::new([
            ("NAME", Align::Left),
            ("REFERENCE", Align::Left),
            ("TARGETS", Align::Left),
            ("MINSLOTS", Align::Right),
            ("MAXSLOTS", Align::Right),
            ("SLOTS", Align::Right),
            ("AGE", Align::Right),
        ]);
        for (autoscaler, _) in new {
            match self.json {
                true => output::json(autoscaler)?,
                false => table.row(row(autoscaler)),
            }
        }
        match (self.json, is_first) {
            (true, _) => {}
            (false, true) => table.print()?,
            (false, false) => table.print_rows()?,
        }
        self.shown = marks;
        Ok(())
    }
}

/// What is new when it changes.
fn mark(autoscaler: &Autoscaler) -> String {
    let Autoscaler {
        context,
        version,
        loaded,
        slots,
        utilization,
        ..
    } = autoscaler;
    format!("{context} {version:?} {loaded} {slots} {utilization}")
}

fn row(autoscaler: &Autoscaler) -> [String; 7] {
    let reference = match (autoscaler.version, autoscaler.loaded) {
        (None, _) => "none".to_owned(),
        (Some(number), true) => format!("{}/{number}", autoscaler.context),
        (Some(number), false) => format!("{}/{number} (unloaded)", autoscaler.context),
    };
    let age = wall_clock().saturating_sub(autoscaler.since.0) / 1_000;
    [
        autoscaler.context.clone(),
        reference,
        format!("{}%/{}%", autoscaler.utilization, autoscaler.target),
        autoscaler.min.to_string(),
        autoscaler.max.to_string(),
        autoscaler.slots.to_string(),
        human_duration(Duration::from_secs(age)).to_string(),
    ]
}

fn conditions(autoscaler: &Autoscaler) -> Result<(), Failure> {
    let width = |column: fn(&Condition) -> &str| {
        let texts = autoscaler.conditions.iter().map(column);
        texts.map(str::len).max().unwrap_or_default()
    };
    let (about, reason) = (width(|one| &one.r#type), width(|one| &one.reason));
    output::line("")?;
    for Condition {
        r#type,
        status,
        reason: why,
        message,
        ..
    } in &autoscaler.conditions
    {
        // Whole sentences: a table would cut them.
        output::line(format_args!(
            "{:<about$}  {status:<5}  {why:<reason$}  {message}",
            r#type
        ))?;
    }
    Ok(())
}
