//! `innkeeper audit`

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

use clap::Args;

use super::app_flags::AppFlags;
use super::failure::Failure;
use super::output;
use super::table::{Align, Table};
use crate::admin::{AuditLine, AuditVerifier, Audited, NotWhole, audit_files};
use crate::core::counted;

/// Show who did what at the operators' port, and check that no line of it was changed
///
/// Reads the log in the data directory, or a copy of it. Each line holds the hash of the one before it; the hash of the last one is printed at the end. What was cut off
/// at the end shows only by that one: compare it with one that you have kept elsewhere.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper audit --data /var/lib/innkeeper --last 100
  innkeeper audit --file audit-000000000001.jsonl audit.jsonl --quiet")]
pub(super) struct Audit {
    /// Copies of a log's files, oldest first [default: those in the data directory]
    #[arg(long, value_name = "FILES", num_args = 1..)]
    file: Vec<PathBuf>,
    /// Show so many of the newest lines [default: all]
    #[arg(long, value_name = "COUNT")]
    last: Option<usize>,
    /// Only check it
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    app: AppFlags,
}

/// Why an audit log cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuditError {
    #[error("the audit log {} cannot be read: {source}; name the data directory with --data, or copies with --file", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("the audit log {} was changed after it was written: {source}", file.display())]
    NotWhole { file: PathBuf, source: NotWhole },
}

impl Audit {
    pub async fn run(self) -> Result<(), Failure> {
        let showing = tokio::task::spawn_blocking(move || self.show());
        showing.await.map_err(|_| Failure::Interrupted)?
    }

    fn show(self) -> Result<(), Failure> {
        let files = match self.file.is_empty() {
            false => self.file,
            true => {
                let directory = self.app.find()?.unwrap_or_default().journal.directory;
                let found = audit_files(&directory);
                found.map_err(|source| AuditError::Unreadable {
                    file: directory,
                    source,
                })?
            }
        };
        let most = match self.quiet {
            true => 0,
            false => self.last.unwrap_or(usize::MAX),
        };
        let mut verifier = AuditVerifier::default();
        let mut newest = VecDeque::new();
        for file in files {
            read(&file, &mut verifier, |line| {
                newest.push_back(line);
                if newest.len() > most {
                    newest.pop_front();
                }
            })?;
        }
        if !self.quiet {
            table(newest)?;
        }
        let (count, first, hash) = (verifier.count(), verifier.first(), verifier.hash());
        let removed = match first {
            1 => String::new(),
            first => format!(" (those before line {first} are not here)"),
        };
        let lines = counted(count, "line");
        Ok(output::line(format_args!(
            "{lines}, each of which follows on the one before it{removed}; the hash of the last one is {hash}"
        ))?)
    }
}

/// Checks a file, line by line.
fn read(
    file: &PathBuf,
    verifier: &mut AuditVerifier,
    mut take: impl FnMut(AuditLine),
) -> Result<(), AuditError> {
    let unreadable = |source| AuditError::Unreadable {
        file: file.clone(),
        source,
    };
    let mut lines = BufReader::new(File::open(file).map_err(unreadable)?);
    let mut text = String::new();
    loop {
        text.clear();
        lines.read_line(&mut text).map_err(unreadable)?;
        // What has no end is still being written.
        let Some(text) = text.strip_suffix('\n') else {
            return Ok(());
        };
        let taken = verifier.take(text);
        take(taken.map_err(|source| AuditError::NotWhole {
            file: file.clone(),
            source,
        })?);
    }
}

fn table(lines: impl IntoIterator<Item = AuditLine>) -> Result<(), Failure> {
    let mut table = Table::new([
        ("LINE", Align::Right),
        ("TIME", Align::Left),
        ("WHAT", Align::Left),
        ("WHO", Align::Left),
        ("FROM", Align::Left),
        ("STATUS", Align::Right),
        ("REQUEST", Align::Left),
    ]);
    for line in lines {
        let what = match (line.what, line.began) {
            (Audited::Refused, _) => "refused".to_owned(),
            (Audited::Done, Some(began)) => format!("done ({began})"),
            (Audited::Done, None) => "done".to_owned(),
            (Audited::Begun, _) => "begun".to_owned(),
        };
        let reason = line.reason.map(|reason| format!(": {reason}"));
        table.row([
            line.number.to_string(),
            line.time.to_string(),
            what + &reason.unwrap_or_default(),
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
