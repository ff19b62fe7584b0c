//! `innkeeper rebuild`

use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::candidates;
use super::client::{Client, encoded};
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use super::progress::Progress;
use crate::admin::view::{Rebuild as View, RebuildState};
use crate::core::counted;

/// How often the host is asked how far it is.
const PERIOD: Duration = Duration::from_millis(300);
/// How long the host may take to begin.
const BEGIN: Duration = Duration::from_secs(30);

/// Fill a projection's state anew from the first event, while the old state serves
///
/// Only a projection can be rebuilt: a context that follows events, answers GET, and does nothing else.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper rebuild viewpage
  innkeeper rebuild viewpage --no-wait")]
pub(super) struct Rebuild {
    /// The context
    #[arg(add = ArgValueCandidates::new(candidates::contexts))]
    context: String,
    /// Begin, and do not wait for the end; `innkeeper status <CONTEXT>` shows the progress
    #[arg(long)]
    no_wait: bool,
    /// Print JSON at the end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

impl Rebuild {
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.operator.client()?;
        let path = format!("/v1/contexts/{}/rebuild", encoded(&self.context));
        let begun: View = client.post(&path, BEGIN).await?;
        let ended = match self.no_wait {
            true => begun,
            false => wait(&client, &path, begun).await?,
        };
        if self.json {
            output::json(&ended)?;
        }
        let name = &self.context;
        match ended.state {
            RebuildState::Failed => Err(Failure::Rebuild {
                context: name.clone(),
                reason: ended.reason.unwrap_or_default(),
            }),
            _ if self.json => Ok(()),
            RebuildState::Done => Ok(output::line(format_args!(
                "{name} is rebuilt from {}",
                counted(ended.handled, "event")
            ))?),
            _ => Ok(output::line(format_args!(
                "the rebuild of {name} has started"
            ))?),
        }
    }
}

/// Shows the progress until there is no more.
async fn wait(client: &Client, path: &str, begun: View) -> Result<View, Failure> {
    let progress = Progress::new();
    let mut shown = String::new();
    let mut now = begun;
    while !matches!(now.state, RebuildState::Done | RebuildState::Failed) {
        let line = describe(&now);
        if line != shown {
            progress.step(&line);
            shown = line;
        }
        tokio::time::sleep(PERIOD).await;
        now = client.get(path).await?;
    }
    progress.clear();
    Ok(now)
}

fn describe(rebuild: &View) -> String {
    match rebuild.state {
        RebuildState::Filling if rebuild.total == 0 => "beginning".to_owned(),
        RebuildState::Filling => {
            let percent = (rebuild.handled * 100).checked_div(rebuild.total);
            format!(
                "{} of {} ({} %)",
                rebuild.handled,
                counted(rebuild.total, "event"),
                percent.unwrap_or(100)
            )
        }
        RebuildState::Swapping => "swapping".to_owned(),
        RebuildState::Sweeping => "removing the old state".to_owned(),
        RebuildState::Done | RebuildState::Failed => String::new(),
    }
}
