//! Whether a journal holds what its commits say: each links to the one before it, and what it changed is there, unless a later one has changed it.
//!
//! From the newest commit backwards, so that of each key only its last change counts, and only removed ones need to be remembered.

use std::collections::HashSet;

use twox_hash::XxHash64;

use super::direction::Direction;
use super::format::{self, Changed, Link, Record};
use super::key::{self, Span};
use super::tree::{LOST_LANE, Tree};
use super::watermark::Mark;
use super::{Bounds, Error, EventPosition, Journal, seal};

/// How many findings are kept; the rest is counted.
const SHOWN: usize = 100;
/// How much a step of a scan reads.
const STEP: Bounds = Bounds {
    entries: 1_024,
    bytes: 4 << 20,
};

/// What does not fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many there are.
    pub count: u64,
    /// The first of them.
    pub shown: Vec<String>,
}

impl Findings {
    pub(super) fn note(&mut self, finding: String) {
        self.count += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(finding);
        }
    }

    /// One finding.
    pub(super) fn one(finding: String) -> Self {
        let mut findings = Self::default();
        findings.note(finding);
        findings
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// How far a check has come.
pub(super) type Progress<'a> = &'a mut dyn FnMut(u64);

/// Looks at one journal.
pub(super) struct Audit<'a, T> {
    tree: &'a T,
    /// Whether the first finding ends it.
    is_hasty: bool,
    findings: Findings,
    /// The hashes of keys that a later commit removed.
    removed: HashSet<u64>,
    sweeps: Vec<(Span, u64)>,
}

impl<'a, T: Tree> Audit<'a, T> {
    /// An audit that ends with the first finding.
    pub fn hasty(tree: &'a T) -> Self {
        Self {
            is_hasty: true,
            ..Self::thorough(tree)
        }
    }

    /// An audit that goes on to the end.
    pub fn thorough(tree: &'a T) -> Self {
        Self {
            tree,
            is_hasty: false,
            findings: Findings::default(),
            removed: HashSet::new(),
            sweeps: Vec::new(),
        }
    }

    /// Checks the commits after a position against what is there, and the end against what is expected.
    pub fn commits(
        mut self,
        expected: Option<Mark>,
        after: u64,
        progress: Progress<'_>,
    ) -> Findings {
        match self.try_commits(expected, after, progress) {
            Ok(()) => {}
            Err(error) => self.findings.note(finding(&error)),
        }
        self.findings
    }

    /// Checks everything: the commits, and each value that is kept.
    pub fn all(mut self, expected: Option<Mark>, progress: Progress<'_>) -> Findings {
        if let Err(error) = self.try_commits(expected, 0, progress) {
            self.findings.note(finding(&error));
        }
        for span in key::whole() {
            if let Err(error) = self.values(span, progress) {
                self.findings.note(finding(&error));
            }
        }
        self.findings
    }

    fn try_commits(
        &mut self,
        expected: Option<Mark>,
        after: u64,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        let newest = self.tree.newest()?;
        if let Some(expected) = expected {
            self.reaches(newest, expected.newest)?;
        }
        self.sweeps = sweeps(self.tree)?;
        // Where the chain is broken, what is before is not known by its checksum.
        let mut position = newest.position;
        let mut checksum = Some(newest.checksum);
        while position > after && !self.is_over() {
            progress(1);
            let read = self.tree.record(position);
            let record = match read {
                Ok(Some(record)) => record,
                broken => {
                    self.findings.note(match broken {
                        Err(error) => finding(&error),
                        Ok(_) => format!("commit {position} is missing"),
                    });
                    position = self.before(position)?;
                    checksum = None;
                    continue;
                }
            };
            let found = self.tree.link(position)?.map(|link| link.checksum);
            if checksum.is_some() && found != checksum && !record.is_mended {
                self.findings.note(format!(
                    "commit {position} is not the one that the next one follows"
                ));
            }
            self.commit(position, &record);
            let before = record.before;
            if before.position >= position {
                self.findings.note(format!(
                    "commit {position} says that it follows commit {}",
                    before.position
                ));
                return Ok(());
            }
            (position, checksum) = (before.position, Some(before.checksum));
        }
        Ok(())
    }

    /// The newest commit before a position; 0 when there is none.
    fn before(&self, position: u64) -> Result<u64, Error> {
        let found = self
            .tree
            .scan(&key::commits_before(position), 1, Direction::Backwards)?;
        found.first().map_or(Ok(0), |(key, _)| key::position(key))
    }

    /// Whether the journal goes as far as it should.
    fn reaches(&mut self, newest: Link, expected: Link) -> Result<(), Error> {
        if newest.position < expected.position {
            self.findings.note(format!(
                "it ends at commit {} and should go to commit {}",
                newest.position, expected.position
            ));
            return Ok(());
        }
        if expected.position == 0 {
            return Ok(());
        }
        let is_mended = |record: Option<Record>| record.is_some_and(|record| record.is_mended);
        if self.tree.link(expected.position)? != Some(expected)
            && !is_mended(self.tree.record(expected.position)?)
        {
            self.findings.note(format!(
                "commit {} is not the one that was there: the journal or the watermark has been replaced",
                expected.position
            ));
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.is_hasty && !self.findings.is_empty()
    }

    fn commit(&mut self, position: u64, record: &Record) {
        for (index, lane) in (0..=u16::MAX).zip(&record.lanes) {
            if *lane == LOST_LANE {
                continue;
            }
            let place = EventPosition {
                commit: position,
                index,
            };
            self.is_of(&key::event(*lane, place), position);
        }
        self.is_of(&key::story(record.header.story(), position), position);
        let mut seen = HashSet::with_capacity(record.changed.len());
        for changed in record.changed.iter().rev() {
            // Of two changes of one key the later one counts.
            if seen.insert(&changed.key) {
                self.last_change(changed, position);
            }
        }
    }

    /// What is written once is there, by the commit that wrote it.
    fn is_of(&mut self, key: &[u8], position: u64) {
        match self.position(key) {
            Err(error) => self.findings.note(finding(&error)),
            Ok(Some(found)) if found == position => {}
            Ok(_) => self
                .findings
                .note(format!("{} is missing", key::readable(key))),
        }
    }

    /// What a commit changed is as it left it, or as a later one did.
    fn last_change(&mut self, changed: &Changed, position: u64) {
        let Changed { key, is_removed } = changed;
        let hash = XxHash64::oneshot(0, key);
        if self.removed.contains(&hash) {
            return;
        }
        let name = || key::readable(key);
        match (self.position(key), is_removed) {
            (Err(error), _) => self.findings.note(finding(&error)),
            (Ok(Some(found)), false) if found >= position => {}
            (Ok(Some(found)), true) if found > position => {}
            (Ok(Some(found)), false) => self.findings.note(format!(
                "{} is as commit {found} wrote it, and commit {position} has changed it since",
                name()
            )),
            (Ok(Some(_)), true) => self.findings.note(format!(
                "{} is there, and commit {position} has removed it",
                name()
            )),
            (Ok(None), true) => {
                self.removed.insert(hash);
            }
            (Ok(None), false) if self.is_swept(key, position) => {}
            (Ok(None), false) => self.findings.note(format!(
                "{} is missing, and commit {position} has written it",
                name()
            )),
        }
    }

    fn position(&self, key: &[u8]) -> Result<Option<u64>, Error> {
        let Some(sealed) = self.tree.get(key)? else {
            return Ok(None);
        };
        Ok(Some(seal::open(key, &sealed)?.position))
    }

    fn is_swept(&self, key: &[u8], position: u64) -> bool {
        let key = key.to_vec();
        self.sweeps
            .iter()
            .any(|(span, upto)| position <= *upto && span.start <= key && key < span.end)
    }

    /// Reads each value.
    fn values(&mut self, mut span: Span, progress: Progress<'_>) -> Result<(), Error> {
        loop {
            let entries = self.tree.scan_within(&span, STEP, Direction::Forwards)?;
            let Some((last, _)) = entries.last() else {
                return Ok(());
            };
            span.start = key::next_key(last);
            for (key, sealed) in &entries {
                if let Err(error) = seal::open(key, sealed) {
                    self.findings.note(finding(&error));
                }
            }
            progress(entries.len() as u64);
        }
    }
}

/// What was swept, and up to which commit.
pub(super) fn sweeps(tree: &impl Tree) -> Result<Vec<(Span, u64)>, Error> {
    let notes = tree.values(
        &key::sweeps(),
        Bounds::entries(usize::MAX),
        Direction::Forwards,
    )?;
    let read = |(note, value): &(Vec<u8>, Vec<u8>)| {
        let upto = format::decode(value, || "a note of what was swept".to_owned())?;
        Ok((key::swept_span(note)?, upto))
    };
    notes.iter().map(read).collect()
}

/// An error that is a finding, without the advice.
pub(super) fn finding(error: &Error) -> String {
    match error {
        Error::Damaged { what } => format!("damaged: {what}"),
        error => error.to_string(),
    }
}
