//! `innkeeper doctor`

mod data;
mod finding;
mod machine;

use std::path::Path;

use clap::Args;

use self::finding::{Finding, State};
use super::app_flags::ServeFlags;
use super::failure::Failure;
use super::output;
use crate::app::DataDirectory;
use crate::manifest::Manifest;

/// Check whether this machine can build and serve the app, and how its data directory is
///
/// One line for each check: `ok`, `warning`, or `stops`, with what to do. Exits with 1 when anything stops the app. Without a manifest here the machine is looked at.
/// While a host runs on the data directory its journals are left alone. Otherwise the directory is taken for the seconds in which they are read, as by a start: no host can
/// start on it meanwhile, and its files are for their owner only afterwards.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper doctor
  innkeeper doctor --data /var/lib/innkeeper
  innkeeper doctor --json | jq 'select(.state != \"ok\")'")]
pub(super) struct Doctor {
    /// Print one JSON object for each check
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: ServeFlags,
}

impl Doctor {
    pub async fn run(self) -> Result<(), Failure> {
        let mut stops = 0;
        let mut tell = |finding: Finding| {
            stops += usize::from(finding.state == State::Stops);
            match self.json {
                true => output::json(&finding),
                false => output::line(&finding),
            }
        };
        let (manifest, finding) = manifest(&self.flags)?;
        let is_there = manifest.is_some();
        let manifest = match manifest {
            Some(manifest) => manifest,
            None => self.flags.applied_to(Manifest::default())?,
        };
        tell(finding)?;
        for finding in machine::builders(&manifest, is_there).await {
            tell(finding)?;
        }
        let checking = tokio::task::spawn_blocking(move || {
            let directory = manifest.journal.directory.clone();
            let runs = DataDirectory::is_in_use(&directory).unwrap_or(false);
            let mut findings = machine::ports(&manifest, runs);
            findings.extend(machine::resources(&manifest));
            findings.extend(data::findings(&manifest, runs));
            findings
        });
        for finding in checking.await.map_err(|_| Failure::Interrupted)? {
            tell(finding)?;
        }
        match stops {
            0 => Ok(()),
            stops => Err(Failure::Unfit { stops }),
        }
    }
}

/// The manifest, if one can be read, and what is to be said of it.
fn manifest(flags: &ServeFlags) -> Result<(Option<Manifest>, Finding), Failure> {
    const NAME: &str = "manifest";
    let file = flags.app.manifest.display();
    if !flags.app.is_there() {
        let what = format!("there is no {file} here, so only the machine is looked at");
        let finding = Finding::warning(NAME, what);
        return Ok((
            None,
            finding.advice("change to an app's directory, or name its manifest with --app"),
        ));
    }
    match flags.load() {
        Ok(manifest) => {
            let contexts = crate::core::counted(manifest.contexts.len(), "context");
            let what = format!("{file}: {}, with {contexts}", manifest.app.name);
            Ok((Some(manifest), Finding::ok(NAME, what)))
        }
        Err(failure @ (Failure::Manifest(_) | Failure::Usage(_))) => {
            Ok((None, Finding::stops(NAME, failure.to_string())))
        }
        Err(failure) => Err(failure),
    }
}

/// Where something is that may not be there yet.
fn nearest_directory(path: &Path) -> &Path {
    let around = path.ancestors().find(|directory| directory.is_dir());
    around.unwrap_or(Path::new("."))
}
