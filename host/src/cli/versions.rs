//! `innkeeper versions`

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::candidates;
use super::client::{Client, encoded};
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use super::table::{Align, Table};
use crate::admin::view::{Floor, Version, Versions as View};

/// List the versions of a context, newest first; or keep the older ones out
///
/// With --floor, no version with a smaller number comes to serve any more, whichever way: not by an upload, a rollback or a start. Where that version is signed,
/// nothing comes either that was signed before it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper versions room
  innkeeper versions room --history
  innkeeper versions room --floor 4
  innkeeper versions room --json | jq '.versions[] | select(.state == \"quarantined\")'")]
pub(super) struct Versions {
    /// The context
    #[arg(add = ArgValueCandidates::new(candidates::contexts))]
    context: String,
    /// Show who did what when, and why
    #[arg(long)]
    history: bool,
    /// Let no version older than this one serve any more; 0 lets all
    #[arg(long, value_name = "VERSION", conflicts_with = "history")]
    floor: Option<u32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

impl Versions {
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.operator.client()?;
        let path = format!("/v1/contexts/{}", encoded(&self.context));
        if let Some(number) = self.floor {
            let path = format!("{path}/floor?version={number}");
            let floor: Floor = client.put(&path).await?;
            return match self.json {
                true => Ok(output::json(&floor)?),
                false => Ok(output::line(below(&self.context, &floor))?),
            };
        }
        let found = all(&client, &path).await?;
        if self.json {
            return Ok(output::json(&found)?);
        }
        match self.history {
            true => history(found.versions),
            false => list(found.versions),
        }
    }
}

/// All versions, however many answers that takes.
async fn all(client: &Client, path: &str) -> Result<View, Failure> {
    let mut found: View = client.get(&format!("{path}/versions?limit=1000")).await?;
    while let Some(before) = found.next.take() {
        let path = format!("{path}/versions?limit=1000&before={before}");
        let more: View = client.get(&path).await?;
        found.versions.extend(more.versions);
        found.next = more.next;
    }
    Ok(found)
}

/// Who may not serve any more.
fn below(context: &str, floor: &Floor) -> String {
    match (floor.version, floor.signed) {
        (0, _) => format!("all versions of {context} are allowed"),
        (number, None) => format!("no version of {context} before {number} is allowed any more"),
        (number, Some(signed)) => format!(
            "no version of {context} before {number} is allowed any more, nor one signed before {signed}"
        ),
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
