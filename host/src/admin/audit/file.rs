//! The files of the log. The newest one is written on; when it is full it is put aside, and the oldest one is removed when there are too many.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::line::{Line, What};
use crate::core::Timestamp;

/// The newest file.
const FILE: &str = "audit.jsonl";
/// What the others are called, around the number of their first line.
const ASIDE: (&str, &str) = ("audit-", ".jsonl");
/// What is said of an action whose end nobody has seen.
const UNKNOWN: &str = "the host stopped before the outcome was known";

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How large a file becomes, about.
    pub file: u64,
    /// What refusals may take of it: whoever guesses must not push out what was done.
    pub refusals: u64,
    /// How long a file is written on: so that refusals have room again.
    pub age: Duration,
    /// How many files there are.
    pub files: usize,
}

impl Default for Limits {
    /// 1 GiB, of which a quarter at most tells of refusals.
    fn default() -> Self {
        Self {
            file: 16 << 20,
            refusals: 4 << 20,
            age: Duration::from_secs(30 * 24 * 60 * 60),
            files: 64,
        }
    }
}

/// Where the log is written on.
pub(super) struct LogFile {
    directory: PathBuf,
    limits: Limits,
    out: File,
    length: u64,
    /// The first line of the file, and when it was written; none while it has none.
    first: Option<(u64, Timestamp)>,
    /// What refusals take of it.
    refusals: u64,
    /// The newest line, in whichever file: its number and its hash.
    newest: (u64, String),
    /// Ends of actions that could not be written yet. There are no more of them than of actions at once: one that begins is written behind them.
    owed: Vec<Line>,
}

/// What a file holds.
#[derive(Default)]
struct Found {
    first: Option<(u64, Timestamp)>,
    newest: Option<(u64, String)>,
    length: u64,
    refusals: u64,
}

/// What is hashed and stands in the file.
pub(super) fn hash(line: &str) -> String {
    hex::encode(Sha256::digest(line.as_bytes()))
}

/// The newest file of a data directory's log.
fn newest(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

/// The files of a data directory's log, oldest first.
///
/// # Errors
///
/// When the directory cannot be read.
pub fn audit_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = aside(directory)?;
    files.push(newest(directory));
    Ok(files)
}

/// Those that were put aside, oldest first.
fn aside(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| {
            let number = name.strip_prefix(ASIDE.0)?.strip_suffix(ASIDE.1)?;
            number.parse::<u64>().ok()
        });
        files.extend(number.map(|number| (number, entry.path())));
    }
    files.sort();
    Ok(files.into_iter().map(|(_, file)| file).collect())
}

fn open(file: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(file)
}

impl Found {
    /// Reads a file. What a crash has left of a line at its end is none: nobody was told that it is there. Actions without an end are noted in `begun`, and taken out
    /// of it when their end is found.
    fn read(file: &File, begun: &mut BTreeMap<u64, Line>) -> io::Result<Self> {
        let (mut found, mut line) = (Self::default(), Vec::new());
        let mut lines = BufReader::new(file);
        let mut is_read = Ok(());
        loop {
            line.clear();
            lines.read_until(b'\n', &mut line)?;
            if line.pop() != Some(b'\n') {
                break;
            }
            found.length += line.len() as u64 + 1;
            is_read = found.note(&line, begun);
        }
        is_read.map_err(|reason| {
            io::Error::other(format!(
                "its last line cannot be read ({reason}); look into it, and move it away to begin another"
            ))
        })?;
        Ok(found)
    }

    fn note(&mut self, text: &[u8], begun: &mut BTreeMap<u64, Line>) -> Result<(), String> {
        let text = str::from_utf8(text).map_err(|error| error.to_string())?;
        let line: Line = serde_json::from_str(text).map_err(|error| error.to_string())?;
        self.first.get_or_insert((line.number, line.time));
        self.newest = Some((line.number, hash(text)));
        match (line.what, line.began) {
            (What::Begun, _) => drop(begun.insert(line.number, line)),
            (What::Done, Some(began)) => drop(begun.remove(&began)),
            (What::Done, None) => {}
            (What::Refused, _) => self.refusals += text.len() as u64 + 1,
        }
        Ok(())
    }
}

impl LogFile {
    /// Goes on with the log of a data directory, or begins one. Says of each action that was begun and has no end that nobody knows what came of it.
    pub fn open(directory: &Path, limits: Limits) -> io::Result<Self> {
        let mut begun = BTreeMap::new();
        let before = match aside(directory)?.pop() {
            Some(file) => Found::read(&File::open(file)?, &mut begun)?,
            None => Found::default(),
        };
        let out = open(&newest(directory))?;
        let found = Found::read(&out, &mut begun)?;
        if found.length < out.metadata()?.len() {
            out.set_len(found.length)?;
            out.sync_all()?;
        }
        let mut log = Self {
            directory: directory.to_owned(),
            limits,
            out,
            length: found.length,
            first: found.first,
            refusals: found.refusals,
            newest: found
                .newest
                .or(before.newest)
                .unwrap_or_else(|| (0, hash(""))),
            owed: Vec::new(),
        };
        for (_, line) in begun {
            log.append(line.end(None, Some(UNKNOWN)))?;
        }
        Ok(log)
    }

    /// Writes a line, unless refusals have taken as much as they may; gives the line as it stands there. An end that cannot be written is written before the next line.
    pub fn append(&mut self, line: Line) -> io::Result<Option<Line>> {
        let end = (line.what == What::Done).then(|| line.clone());
        let written = self.write_owed().and_then(|()| self.write(line));
        if written.is_err() {
            self.owed.extend(end);
        }
        written
    }

    fn write_owed(&mut self) -> io::Result<()> {
        while let Some(end) = self.owed.first().cloned() {
            self.write(end)?;
            self.owed.remove(0);
        }
        Ok(())
    }

    fn write(&mut self, line: Line) -> io::Result<Option<Line>> {
        if self.is_full() {
            // It is written on until that is possible.
            if let Err(error) = self.put_aside() {
                tracing::error!(%error, "the audit log cannot be rotated");
            }
        }
        let is_refusal = line.what == What::Refused;
        if is_refusal && self.refusals >= self.limits.refusals {
            return Ok(None);
        }
        let (number, before) = &self.newest;
        let line = Line {
            number: number + 1,
            before: before.clone(),
            ..line
        };
        let text = serde_json::to_string(&line)?;
        let written = self.out.write_all(format!("{text}\n").as_bytes());
        if let Err(error) = written.and_then(|()| self.out.sync_data()) {
            // A part of a line would spoil the next one.
            let _ = self.out.set_len(self.length);
            return Err(error);
        }
        let length = text.len() as u64 + 1;
        self.length += length;
        if is_refusal {
            self.refusals += length;
        }
        self.first.get_or_insert((line.number, line.time));
        self.newest = (line.number, hash(&text));
        Ok(Some(line))
    }

    fn is_full(&self) -> bool {
        let Some((_, since)) = self.first else {
            return false;
        };
        let age = Timestamp::from(SystemTime::now()).0.saturating_sub(since.0);
        self.length >= self.limits.file || u128::from(age) >= self.limits.age.as_millis()
    }

    /// Begins another file, in the same chain, and removes the oldest one when there are too many.
    fn put_aside(&mut self) -> io::Result<()> {
        let Some((first, _)) = self.first else {
            return Ok(());
        };
        let (newest, (begin, end)) = (newest(&self.directory), ASIDE);
        let full = self.directory.join(format!("{begin}{first:012}{end}"));
        fs::rename(&newest, &full)?;
        let out = open(&newest).inspect_err(|_| {
            // Should that fail as well, the open file is written on under its new name.
            let _ = fs::rename(&full, &newest);
        })?;
        self.out = out;
        self.first = None;
        (self.length, self.refusals) = (0, 0);
        File::open(&self.directory)?.sync_all()?;
        let aside = aside(&self.directory)?;
        let surplus = (aside.len() + 1).saturating_sub(self.limits.files);
        for file in aside.iter().take(surplus) {
            fs::remove_file(file)?;
            tracing::warn!(file = %file.display(), "the oldest file of the audit log was removed: the log has reached its maximum size");
        }
        Ok(())
    }
}
