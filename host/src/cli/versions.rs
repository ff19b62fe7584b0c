//! `innkeeper versions`

use clap::Args;

use super::client::encoded;
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use super::table::{Align, Table};
use crate::admin::view::{Version, Versions as View};

/// List the versions of a context, newest first
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper versions room
  innkeeper versions room --history
  innkeeper versions room --json | jq '.versions[] | select(.state == \"quarantined\")'")]
pub(super) struct Versions {
    /// The context
    context: String,
    /// Show who did what when, and why
    #[arg(long)]
    history: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

impl Versions {
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.operator.client()?;
        let path = format!("/v1/contexts/{}/versions", encoded(&self.context));
        let found: View = client.get(&path).await?;
        if self.json {
            return Ok(output::json(&found)?);
        }
        match self.history {
            true => history(found.versions),
            false => list(found.versions),
        }
    }
}

fn list(versions: Vec<Version>) -> Result<(), Failure> {
    let mut table = Table::new([
        ("VERSION", Align::Right),
        ("STATE", Align::Left),
        ("SINCE", Align::Left),
        ("BY", Align::Left),
        ("LABEL", Align::Left),
        ("DIGEST", Align::Left),
    ]);
    for version in versions {
        let last = version.history.last();
        table.row([
            version.number.to_string(),
            version.state.name().to_owned(),
            last.map(|step| step.time.to_string()).unwrap_or_default(),
            last.map(|step| step.by.clone()).unwrap_or_default(),
            version.label.unwrap_or_default(),
            version.digest,
        ]);
    }
    Ok(table.print()?)
}

fn history(versions: Vec<Version>) -> Result<(), Failure> {
    let steps = versions.into_iter().flat_map(|version| {
        let number = version.number;
        version.history.into_iter().map(move |step| (number, step))
    });
    let mut steps: Vec<_> = steps.collect();
    steps.sort_by_key(|(_, step)| step.time.0);
    let mut table = Table::new([
        ("TIME", Align::Left),
        ("VERSION", Align::Right),
        ("STATE", Align::Left),
        ("BY", Align::Left),
        ("WHY", Align::Left),
    ]);
    for (number, step) in steps {
        table.row([
            step.time.to_string(),
            number.to_string(),
            step.state.name().to_owned(),
            step.by,
            step.reason,
        ]);
    }
    Ok(table.print()?)
}
