//! `innkeeper rollback`

use std::time::Duration;

use clap::Args;

use super::client::encoded;
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use crate::admin::view::RolledBack;
use crate::core::human_duration;

/// How long the host may take for it.
const TIME: Duration = Duration::from_secs(30);

/// Go back to the version of a context that served before
///
/// A ramp that is under way ends instead, and the version that serves goes on. With --to, any version that served once and is still kept takes over, also one that
/// was itself rolled back from.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper rollback room
  innkeeper rollback room --to 3 --reason 'reviews got lost'")]
pub(super) struct Rollback {
    /// The context
    context: String,
    /// The number of the version, or the first digits of its digest [default: the one before]
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    /// Why; it is kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

impl Rollback {
    pub async fn run(self) -> Result<(), Failure> {
        let given = [("to", &self.to), ("reason", &self.reason)];
        let query: Vec<_> = given
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_ref()?))))
            .collect();
        let context = encoded(&self.context);
        let path = format!("/v1/contexts/{context}/rollback?{}", query.join("&"));
        let client = self.operator.client()?;
        let done: RolledBack = client.post(&path, TIME).await?;
        if self.json {
            return Ok(output::json(&done)?);
        }
        let took = human_duration(Duration::from_micros(done.micros));
        let (context, to, from) = (done.context, done.to, done.from);
        let text = match done.was_on_its_way {
            true => format!(
                "the rollout of version {from} of {context} has ended; version {to} serves ({took})"
            ),
            false => {
                format!("version {to} of {context} serves again, instead of {from} ({took})")
            }
        };
        Ok(output::line(text)?)
    }
}
