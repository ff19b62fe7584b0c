//! `innkeeper audit`

use std::io;
use std::path::PathBuf;

use clap::Args;

use super::app_flags::AppFlags;
use super::failure::Failure;
use super::output;
use super::table::{Align, Table};
use crate::admin::{AuditLine, NotWhole, audit_file, verify};

/// Show who did what at the operators' port, and check that no line of it was changed
///
/// Reads the log in the data directory, or a copy of it. Each line holds the hash of the one before it; the hash of the last one is printed at the end. What was cut off
/// at the end shows only by that one: compare it with one that you have kept elsewhere.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper audit --data /var/lib/innkeeper
  innkeeper audit --file audit.jsonl.copy --quiet")]
pub(super) struct Audit {
    /// A copy of a log [default: the one in the data directory]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only check it
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    app: AppFlags,
}

/// Why an audit log cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuditError {
    #[error("the audit log {} cannot be read: {source}; name the data directory with --data, or a copy with --file", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("the audit log {} is not what was written: {source}", file.display())]
    NotWhole { file: PathBuf, source: NotWhole },
}

impl Audit {
    pub async fn run(self) -> Result<(), Failure> {
        let showing = tokio::task::spawn_blocking(move || self.show());
        showing.await.map_err(|_| Failure::Interrupted)?
    }

    fn show(self) -> Result<(), Failure> {
        let file = match self.file {
            Some(file) => file,
            None => audit_file(&self.app.find()?.unwrap_or_default().journal.directory),
        };
        let log = std::fs::read_to_string(&file).map_err(|source| AuditError::Unreadable {
            file: file.clone(),
            source,
        })?;
        let verified = verify(&log);
        let (lines, hash) = verified.map_err(|source| AuditError::NotWhole { file, source })?;
        if !self.quiet {
            table(&log)?;
        }
        Ok(output::line(format_args!(
            "{lines} lines, each of which follows on the one before it; the hash of the last one is {hash}"
        ))?)
    }
}

fn table(log: &str) -> Result<(), Failure> {
    let mut table = Table::new([
        ("LINE", Align::Right),
        ("TIME", Align::Left),
        ("WHAT", Align::Left),
        ("WHO", Align::Left),
        ("FROM", Align::Left),
        ("STATUS", Align::Right),
        ("REQUEST", Align::Left),
    ]);
    let lines = log.lines().map(serde_json::from_str::<AuditLine>);
    for line in lines.filter_map(Result::ok) {
        let what = match (&line.reason, line.began) {
            (Some(reason), _) => format!("refused ({reason})"),
            (None, Some(began)) => format!("done ({began})"),
            (None, None) => "begun".to_owned(),
        };
        table.row([
            line.number.to_string(),
            line.time.to_string(),
            what,
            line.who.unwrap_or_default(),
            line.from.unwrap_or_default(),
            line.status
                .map(|status| status.to_string())
                .unwrap_or_default(),
            format!("{} {}", line.method, line.path),
        ]);
    }
    Ok(table.print()?)
}
