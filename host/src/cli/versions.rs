//! `innkeeper versions`

use clap::Args;

use super::client::encoded;
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use super::table::{Align, Table};
use crate::admin::view::Versions as View;

/// List the versions of a context
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper versions room
  innkeeper versions room --json")]
pub(super) struct Versions {
    /// The context
    context: String,
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
        let mut table = Table::new([
            ("VERSION", Align::Right),
            ("STATE", Align::Left),
            ("LOADED", Align::Left),
            ("LABEL", Align::Left),
            ("DIGEST", Align::Left),
        ]);
        for version in found.versions {
            table.row([
                version.number.to_string(),
                version.state,
                version.loaded_at.to_string(),
                version.label.unwrap_or_default(),
                version.digest,
            ]);
        }
        Ok(table.print()?)
    }
}
