//! `innkeeper fault`

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::candidates;
use super::client::encoded;
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use crate::admin::view::Fault as View;
use crate::manifest::FaultInjection;

/// Make some requests and calls to a context go wrong on purpose, to see what happens then
///
/// Faults end by themselves. Without --delay, --abort or --off it is shown which are on. Whatever was made to go wrong says so: answers in the header
/// x-innkeeper-fault.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper fault payment --delay 10%:2s --for 10m
  innkeeper fault payment --abort 5%:503
  innkeeper fault payment
  innkeeper fault payment --off")]
pub(super) struct Fault {
    /// The context
    #[arg(add = ArgValueCandidates::new(candidates::contexts))]
    context: String,
    /// How many of a hundred are kept waiting, and how long
    #[arg(long, value_name = "PERCENT%:TIME")]
    delay: Option<String>,
    /// How many of a hundred are answered with an error, and with which status; a call is `unavailable`
    #[arg(long, value_name = "PERCENT%:STATUS")]
    abort: Option<String>,
    /// After how long it ends by itself; a day at most
    #[arg(long = "for", value_name = "TIME", default_value = "10m")]
    time: String,
    /// Let nothing go wrong any more, also what the manifest says, until the next start
    #[arg(long, conflicts_with_all = ["delay", "abort", "time"])]
    off: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

impl Fault {
    pub async fn run(self) -> Result<(), Failure> {
        let (delay, abort) = (self.delay.as_deref(), self.abort.as_deref());
        if delay.or(abort).is_some() {
            FaultInjection::for_a_time(delay, abort, &self.time).map_err(Failure::Usage)?;
        }
        let client = self.operator.client()?;
        let path = format!("/v1/contexts/{}/fault", encoded(&self.context));
        if self.off {
            client.delete(&path).await?;
        }
        let given = [("delay", &self.delay), ("abort", &self.abort)];
        let mut query: Vec<_> = given
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_ref()?))))
            .collect();
        let fault: View = match query.is_empty() {
            true => client.get(&path).await?,
            false => {
                query.push(format!("for={}", encoded(&self.time)));
                client.put(&format!("{path}?{}", query.join("&"))).await?
            }
        };
        if self.json {
            return Ok(output::json(&fault)?);
        }
        let name = &self.context;
        match fault.summary() {
            None => output::line(format_args!("nothing goes wrong on purpose in {name}"))?,
            Some(summary) => {
                output::line(format_args!("requests and calls to {name}: {summary}"))?;
                output::note(format_args!("Next: innkeeper fault {name} --off"));
            }
        }
        Ok(())
    }
}
