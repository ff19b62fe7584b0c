//! `innkeeper journal`

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use serde_json::json;

use super::app_flags::AppFlags;
use super::failure::Failure;
use super::progress::Progress;
use super::{output, serving};
use crate::core::counted;
use crate::journal::{self, Loss, Repaired, Verified};
use crate::manifest::Manifest;

/// How many records are read between two words about it.
const STEP: u64 = 50_000;

/// Check the journals of a host that is stopped, or go on without what is lost of them
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper journal verify --data /var/lib/innkeeper
  innkeeper journal repair --accept-loss --data /var/lib/innkeeper")]
pub(super) struct Journal {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(Verify),
    Repair(Repair),
}

/// Read all journals, and check every value, every commit, and that what commits changed is there
///
/// The host must be stopped. Exits with 1 when anything does not fit. A start checks only what has come since the one before it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper journal verify
  innkeeper journal verify --data /backups/monday --json")]
struct Verify {
    /// Print one JSON object for each context
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    app: AppFlags,
}

/// Make a new journal of what can be read of a damaged one, and say what is lost
///
/// The host must be stopped. The damaged journal stays beside the new one, as `journal.damaged-<time>`. What is lost stays lost, though clients and other
/// contexts may have seen it: restore a backup instead, if there is one that is new enough.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper journal repair --accept-loss
  innkeeper journal repair --accept-loss --data /var/lib/innkeeper")]
struct Repair {
    /// Say that acknowledged commits may be lost
    #[arg(long, required = true)]
    accept_loss: bool,
    /// Print one JSON object for each context
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    app: AppFlags,
}

impl Journal {
    pub async fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Verify(command) => command.run().await,
            Command::Repair(command) => command.run().await,
        }
    }
}

impl Verify {
    async fn run(self) -> Result<(), Failure> {
        let manifest = manifest(&self.app)?;
        let _data = serving::take(&manifest).await?;
        let (directory, cache) = (manifest.journal.directory, manifest.journal.cache);
        let verified = verified(directory, cache).await?;
        match self.json {
            true => report_by(&verified, print_json),
            false => report(&verified),
        }
    }
}

/// Verifies the journals of a directory that this process has.
pub(super) async fn verified(directory: PathBuf, cache: u64) -> Result<Vec<Verified>, Failure> {
    let verifying = tokio::task::spawn_blocking(move || {
        let progress = Progress::new();
        let mut read = BTreeMap::<String, (u64, u64)>::new();
        let verified = journal::verify(&directory, cache, &mut |context, records| {
            let (sum, told) = read.entry(context.to_owned()).or_default();
            *sum += records;
            if *sum - *told >= STEP {
                *told = *sum;
                progress.step(format_args!("{context}: {}", counted(*sum, "record")));
            }
        });
        progress.clear();
        verified
    });
    Ok(verifying.await.map_err(|_| Failure::Interrupted)??)
}

/// Says what was found, to people.
pub(super) fn report(verified: &[Verified]) -> Result<(), Failure> {
    report_by(verified, print_lines)
}

fn report_by(
    verified: &[Verified],
    print: impl Fn(&Verified) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut findings = 0;
    for found in verified {
        findings += found.findings.count;
        print(found)?;
    }
    match findings {
        0 => Ok(()),
        findings => Err(Failure::Unsound { findings }),
    }
}

fn print_json(found: &Verified) -> io::Result<()> {
    let Verified {
        context,
        newest,
        findings,
    } = found;
    output::json(&json!({
        "context": context,
        "newest": newest,
        "findings": findings.count,
        "shown": findings.shown,
    }))
}

fn print_lines(found: &Verified) -> io::Result<()> {
    let Verified {
        context,
        newest,
        findings,
    } = found;
    if findings.is_empty() {
        return output::line(format_args!("{context:<16} sound, up to commit {newest}"));
    }
    output::line(format_args!(
        "{context:<16} {} findings, up to commit {newest}",
        findings.count
    ))?;
    for finding in &findings.shown {
        output::line(format_args!("  {finding}"))?;
    }
    let more = findings.count - findings.shown.len() as u64;
    if more > 0 {
        output::line(format_args!("  and {more} more"))?;
    }
    Ok(())
}

impl Repair {
    async fn run(self) -> Result<(), Failure> {
        if !self.accept_loss {
            return Err(Failure::Usage(
                "a repair goes on without what is lost; say --accept-loss to do that".into(),
            ));
        }
        let manifest = manifest(&self.app)?;
        let _data = serving::take(&manifest).await?;
        let (directory, cache) = (manifest.journal.directory, manifest.journal.cache);
        let repairing = tokio::task::spawn_blocking(move || {
            let progress = Progress::new();
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let now = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
            let repaired = journal::repair(&directory, cache, now, &mut |context| {
                progress.step(format_args!("{context}: copying what can be read"));
            });
            progress.clear();
            repaired
        });
        let repaired: Repaired = repairing.await.map_err(|_| Failure::Interrupted)??;
        for loss in &repaired.losses {
            tell(loss, self.json)?;
        }
        output::note(format_args!(
            "the journal that was there before is in {}",
            repaired.former.display()
        ));
        Ok(())
    }
}

fn tell(loss: &Loss, as_json: bool) -> Result<(), Failure> {
    let Loss {
        context,
        upto,
        kept,
        lost,
        ..
    } = loss;
    if as_json {
        return Ok(output::json(&json!({
            "context": context, "upto": upto, "continuesAt": kept, "lost": lost,
        }))?);
    }
    if lost.is_empty() {
        return Ok(output::line(format_args!(
            "{context:<16} nothing was lost, up to commit {upto}"
        ))?);
    }
    let commits = counted(*upto, "commit");
    output::line(format_args!("{context:<16} lost, of {commits}:"))?;
    for line in lost {
        output::line(format_args!("  {line}"))?;
    }
    Ok(())
}

/// The app's manifest, when its data directory is there.
fn manifest(app: &AppFlags) -> Result<Manifest, Failure> {
    let manifest = match app.find()? {
        Some(manifest) => manifest,
        // Which says that there is none.
        None => app.load()?,
    };
    let directory = &manifest.journal.directory;
    match directory.is_dir() {
        true => Ok(manifest),
        false => Err(Failure::Usage(format!(
            "there is no data directory {}; name the one of the host with --data",
            directory.display()
        ))),
    }
}
