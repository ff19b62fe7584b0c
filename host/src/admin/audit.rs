//! The audit log: who did what at this port, and who was refused. A file of JSON lines to which lines are only added; each holds the hash of the one before it, so that
//! none can be changed or taken out without that being seen.
//!
//! An action is written down before it is done, and once more with what came of it: what cannot be written down is not done. Refusals are written down as far as a
//! bucket allows, and counted beyond: whoever guesses cannot fill the disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::num::NonZeroU32;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::server::AdminError;
use crate::core::Timestamp;
use crate::gateway::rate_limit::RateLimiter;
use crate::manifest::RateLimit;
use crate::observe::metrics;

/// The log's file in the data directory.
const FILE: &str = "audit.jsonl";
/// How much of a path and a query is written down.
const LONGEST_PATH: usize = 1_024;
/// How many refusals are written down a second, and how many at once.
const REFUSALS: RateLimit = RateLimit {
    requests_per_second: NonZeroU32::MIN,
    burst: NonZeroU32::MIN.saturating_add(29),
};
/// How large the log may be for refusals still to be written down. Actions always are.
const LARGEST: u64 = 64 << 20;
/// The longest line, and more than that: where the last one is looked for.
const TAIL: u64 = 64 << 10;

/// What is written down of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its place in the log, from 1.
    pub number: u64,
    /// When.
    pub time: Timestamp,
    /// What happened.
    pub what: What,
    /// Whose token was sent; absent when none was, or one that nobody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// What that token is good for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The address that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The status that it was answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The line in which the action began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<u64>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Refusals before this one that were counted only.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unwritten: u64,
    /// The hash of the line before; of the first, that of nothing.
    pub before: String,
}

/// What a line tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// An action that is about to be done.
    Begun,
    /// What came of one.
    Done,
    /// One that was refused.
    Refused,
}

/// Who asks for what, as the log knows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub who: Option<String>,
    pub role: Option<String>,
    pub from: Option<String>,
    pub method: String,
    pub path: String,
}

/// The log.
pub struct Audit {
    file: PathBuf,
    end: Arc<Mutex<End>>,
    refusals: RateLimiter<()>,
    unwritten: AtomicU64,
}

/// Where the log ends.
struct End {
    out: File,
    number: u64,
    hash: String,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What is hashed and stands in the file.
fn hash(line: &str) -> String {
    hex::encode(Sha256::digest(line.as_bytes()))
}

/// Where a data directory keeps its log.
pub fn audit_file(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

impl Audit {
    /// The log of a data directory, made when there is none. Blocks.
    ///
    /// # Errors
    ///
    /// When it can be neither read nor written.
    pub fn open(directory: &Path) -> Result<Self, AdminError> {
        let file = audit_file(directory);
        match End::open(&file) {
            Ok(end) => Ok(Self {
                file,
                end: Arc::new(Mutex::new(end)),
                refusals: RateLimiter::new(REFUSALS),
                unwritten: AtomicU64::new(0),
            }),
            Err(source) => Err(AdminError::Audit { file, source }),
        }
    }

    /// Writes down that an action is about to be done; gives the number of its line.
    pub(super) async fn begun(&self, asked: &Asked) -> io::Result<u64> {
        tracing::info!(
            target: "innkeeper::audit",
            by = asked.who, from = asked.from, method = asked.method, path = asked.path, "an operator acts"
        );
        let written = self.write(Line::new(asked, What::Begun), u64::MAX).await?;
        written.ok_or_else(|| io::Error::other("the audit log is full"))
    }

    /// Writes down what came of an action.
    pub(super) async fn done(&self, asked: &Asked, began: u64, status: u16) {
        let line = Line {
            status: Some(status),
            began: Some(began),
            ..Line::new(asked, What::Done)
        };
        if let Err(error) = self.write(line, u64::MAX).await {
            self.complain(&error);
        }
    }

    /// Notes that somebody was refused.
    pub(super) async fn refused(&self, asked: &Asked, status: u16, why: &'static str) {
        ::metrics::counter!(metrics::OPERATORS_REFUSED, "reason" => why).increment(1);
        if self.refusals.admit((), Instant::now()).is_err() {
            self.unwritten.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let unwritten = self.unwritten.swap(0, Ordering::Relaxed);
        tracing::warn!(
            target: "innkeeper::audit",
            by = asked.who, from = asked.from, method = asked.method, path = asked.path, status, reason = why, unwritten, "an operator was refused"
        );
        let line = Line {
            status: Some(status),
            reason: Some(why.to_owned()),
            unwritten,
            ..Line::new(asked, What::Refused)
        };
        match self.write(line, LARGEST).await {
            Ok(Some(_)) => {}
            Ok(None) => drop(self.unwritten.fetch_add(unwritten + 1, Ordering::Relaxed)),
            Err(error) => self.complain(&error),
        }
    }

    /// Writes a line, unless the log is as large as it may be for it; gives its number.
    async fn write(&self, line: Line, largest: u64) -> io::Result<Option<u64>> {
        let end = self.end.clone();
        // One at a time: it waits for the disk.
        let writing = tokio::task::spawn_blocking(move || end.lock().write(line, largest));
        writing.await.map_err(io::Error::other)?
    }

    fn complain(&self, error: &io::Error) {
        tracing::error!(file = %self.file.display(), %error, "the audit log cannot be written");
    }
}

impl Line {
    fn new(asked: &Asked, what: What) -> Self {
        let Asked {
            who,
            role,
            from,
            method,
            path,
        } = asked.clone();
        Self {
            // Where it stands is known when it is written.
            number: 0,
            before: String::new(),
            time: Timestamp::from(SystemTime::now()),
            what,
            who,
            role,
            from,
            method,
            path: path.chars().take(LONGEST_PATH).collect(),
            status: None,
            began: None,
            reason: None,
            unwritten: 0,
        }
    }
}

impl End {
    fn open(file: &Path) -> io::Result<Self> {
        let mut out = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(file)?;
        let length = out.metadata()?.len();
        let begin = length.saturating_sub(TAIL);
        out.seek(SeekFrom::Start(begin))?;
        let mut tail = Vec::new();
        Read::by_ref(&mut out).take(TAIL).read_to_end(&mut tail)?;
        // What a crash has left of a line is none: nobody was told that it is there.
        let whole = tail
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        if whole < tail.len() {
            out.set_len(begin + whole as u64)?;
            out.sync_all()?;
        }
        let text = tail.get(..whole).unwrap_or_default();
        let last = text.split(|byte| *byte == b'\n').rev().nth(1);
        let Some(last) = last.filter(|last| !last.is_empty()) else {
            return Ok(Self {
                out,
                number: 0,
                hash: hash(""),
            });
        };
        let damaged = |error: String| {
            io::Error::other(format!(
                "its last line cannot be read ({error}); look into it, and move it away to begin another"
            ))
        };
        let last = str::from_utf8(last).map_err(|error| damaged(error.to_string()))?;
        let line: Line = serde_json::from_str(last).map_err(|error| damaged(error.to_string()))?;
        Ok(Self {
            out,
            number: line.number,
            hash: hash(last),
        })
    }

    fn write(&mut self, line: Line, largest: u64) -> io::Result<Option<u64>> {
        let length = self.out.metadata()?.len();
        if length >= largest {
            return Ok(None);
        }
        let number = self.number + 1;
        let line = Line {
            number,
            before: self.hash.clone(),
            ..line
        };
        let text = serde_json::to_string(&line)?;
        let written = self.out.write_all(format!("{text}\n").as_bytes());
        if let Err(error) = written.and_then(|()| self.out.sync_data()) {
            // A part of a line would spoil the next one.
            let _ = self.out.set_len(length);
            return Err(error);
        }
        self.number = number;
        self.hash = hash(&text);
        Ok(Some(number))
    }
}

/// Why an audit log is not what was written.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWhole {
    /// A line is none.
    #[error("line {0} is no line of an audit log")]
    NoLine(u64),
    /// A line does not follow on the one before it.
    #[error(
        "line {0} does not follow on the one before it: one of them was changed, or some were taken out"
    )]
    Broken(u64),
}

/// Looks whether each line of a log follows on the one before it; gives how many there are, and the hash of the last one. What was cut off at the end does not show:
/// compare the hash with one that is kept elsewhere.
///
/// # Errors
///
/// The first line that does not.
pub fn verify(log: &str) -> Result<(u64, String), NotWhole> {
    let (mut number, mut before) = (0, hash(""));
    for text in log.lines() {
        let line: Line = serde_json::from_str(text).map_err(|_| NotWhole::NoLine(number + 1))?;
        if line.number != number + 1 || line.before != before {
            return Err(NotWhole::Broken(number + 1));
        }
        (number, before) = (line.number, hash(text));
    }
    Ok((number, before))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn asked(path: &str) -> Asked {
        Asked {
            who: Some("ci".into()),
            role: Some("deploy".into()),
            from: Some("10.0.0.1".into()),
            method: "POST".into(),
            path: path.into(),
        }
    }

    #[tokio::test]
    async fn lines_follow_on_each_other_over_restarts_and_torn_writes() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(FILE);
        for turn in 0..3_u64 {
            let audit = Audit::open(directory.path()).unwrap();
            let began = audit.begun(&asked("/v1/backup")).await.unwrap();
            assert_eq!(began, turn * 2 + 1);
            audit.done(&asked("/v1/backup"), began, 200).await;
            drop(audit);
            let torn = fs::read_to_string(&file).unwrap() + "{\"number\":";
            fs::write(&file, torn).unwrap();
        }
        drop(Audit::open(directory.path()).unwrap());
        let log = fs::read_to_string(&file).unwrap();
        assert_eq!(verify(&log).unwrap().0, 6);
        // Whatever is changed or taken out shows.
        let lines: Vec<&str> = log.lines().collect();
        for place in 0..lines.len() - 1 {
            let mut without = lines.clone();
            without.remove(place);
            assert!(verify(&without.join("\n")).is_err(), "without {place}");
            let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            changed[place] = changed[place].replace("\"ci\"", "\"me\"");
            assert!(verify(&changed.join("\n")).is_err(), "changed {place}");
        }
    }

    #[tokio::test]
    async fn refusals_are_counted_and_few_are_written() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::open(directory.path()).unwrap();
        for _ in 0..5_000 {
            audit
                .refused(&asked("/v1/contexts"), 401, "unknown-token")
                .await;
        }
        let log = fs::read_to_string(directory.path().join(FILE)).unwrap();
        let (lines, _) = verify(&log).unwrap();
        assert!((30..300).contains(&lines), "{lines}");
        assert!(audit.unwritten.load(Ordering::Relaxed) > 0);
    }

    #[test]
    fn a_log_that_ends_in_something_else_is_not_gone_on_with() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), "nonsense\n").unwrap();
        let error = Audit::open(directory.path()).err().unwrap().to_string();
        assert!(
            error.contains(FILE) && error.contains("move it away"),
            "{error}"
        );
    }
}
