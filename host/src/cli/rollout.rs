//! `innkeeper rollout`

use std::time::Duration;

use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;

use super::candidates;
use super::client::encoded;
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use crate::admin::view::Rollout as View;

/// How long the host may take for it: a rollout that is aborted has to end what it does.
const TIME: Duration = Duration::from_secs(40);

/// Pause, resume, promote or abort the rollout of a context that is under way
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper rollout pause room --reason 'the night shift has a look'
  innkeeper rollout resume room
  innkeeper rollout promote room
  innkeeper rollout abort room --reason 'reviews get lost'

`innkeeper status room` shows how it goes, `innkeeper versions room --history` who did what.")]
pub(super) struct Rollout {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Keep the share of the work that the version has, until it is resumed
    ///
    /// Where it does worse than the version before it, it is rolled back all the same.
    Pause(Told),
    /// Let a paused rollout go on
    Resume(Told),
    /// Give the version all of the work now, without the rest of its ramp
    Promote(Told),
    /// End it: the version before it gets all of the work
    Abort(Told),
}

/// Which rollout, and why.
#[derive(Args, Debug)]
struct Told {
    /// The context
    #[arg(add = ArgValueCandidates::new(candidates::contexts))]
    context: String,
    /// Why; it is kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print the rollout as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

impl Rollout {
    pub async fn run(self) -> Result<(), Failure> {
        let (order, done, told) = match self.command {
            Command::Pause(told) => ("pause", "is paused", told),
            Command::Resume(told) => ("resume", "goes on", told),
            Command::Promote(told) => ("promote", "gets all of the work", told),
            Command::Abort(told) => ("abort", "does not serve; its rollout has ended", told),
        };
        let context = encoded(&told.context);
        let reason = told.reason.iter();
        let query: String = reason
            .map(|reason| format!("?reason={}", encoded(reason)))
            .collect();
        let path = format!("/v1/contexts/{context}/rollout/{order}{query}");
        let rollout: View = told.operator.client()?.post(&path, TIME).await?;
        if told.json {
            return Ok(output::json(&rollout)?);
        }
        let place = match rollout.weight {
            weight if weight > 0 && order == "pause" => format!(" at {weight} %"),
            _ => String::new(),
        };
        Ok(output::line(format_args!(
            "version {} of {} {done}{place}",
            rollout.number, rollout.context
        ))?)
    }
}
