//! Salvage: a new journal of what can be read in a damaged one.
//!
//! What is lost stays lost; the new journal says so itself. A last commit names every key that is not as the commits before it left it, so that the journal is
//! sound again. That commit's position is far behind any that was ever given out: nobody who has seen a lost commit, such as a follower, a subscriber on
//! NATS or a reader of server-sent events, takes what comes now for what they have seen.

use std::collections::HashSet;

use twox_hash::XxHash64;

use super::apply::Change;
use super::audit;
use super::direction::Direction;
use super::format::{self, Link, Record, RecordRef};
use super::key::{self, Span};
use super::tree::{LOST_LANE, Tree};
use super::watermark::Mark;
use super::{
    Bounds, Commit, Error, EventPosition, Header, Journal, LANES, Write, bookkeeping, seal,
};
use crate::core::{CorrelationId, Kept};

/// How far behind the last commit that is known the next one is: more than can have been committed since the watermark was written.
const GAP: u64 = 1 << 20;
/// About how many bytes, and how many keys at most, a commit of the repair holds.
const RESTATED: (usize, usize) = (1 << 20, 1_000);
/// How much a step copies.
const STEP: Bounds = Bounds {
    entries: 1_024,
    bytes: 2 << 20,
};

/// What of a context's journal is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// The context.
    pub context: String,
    /// How far the journal went before.
    pub upto: u64,
    /// How far it goes now.
    pub kept: u64,
    /// What is lost, one line each.
    pub lost: Vec<String>,
    /// How many values could be read.
    pub sound: u64,
    /// How many are there, and do not fit their checksum.
    pub unsound: u64,
}

/// Moves what can be read of one context's journal into a new one.
pub(super) struct Salvage<'a, T> {
    old: &'a T,
    new: &'a T,
    loss: Loss,
    now: u64,
    /// The hashes of keys whose last change is known.
    seen: HashSet<u64>,
    /// The keys that are not as the commits left them.
    restated: Vec<Vec<u8>>,
    sweeps: Vec<(Span, u64)>,
}

impl<'a, T: Tree> Salvage<'a, T> {
    /// From one into the other, which is empty.
    pub fn new(context: &str, old: &'a T, new: &'a T, now: u64) -> Self {
        Self {
            old,
            new,
            loss: Loss {
                context: context.to_owned(),
                ..Loss::default()
            },
            now,
            seen: HashSet::new(),
            restated: Vec::new(),
            sweeps: Vec::new(),
        }
    }

    /// Does it, and says what is lost.
    pub fn run(mut self, mark: Option<Mark>) -> Result<Loss, Error> {
        for span in key::whole() {
            self.copy(span)?;
        }
        if self.loss.unsound > 0 {
            self.loss.lost.push(format!(
                "{} values that do not fit their checksum",
                self.loss.unsound
            ));
        }
        self.sweeps = audit::sweeps(self.new)?;
        let reached = mark.map_or(0, |mark| mark.newest.position);
        // The position that the copy ends at, if it could be read to its end.
        let newest = self.new.newest()?.position;
        self.commits(newest.max(reached))?;
        self.drop_events(newest.max(reached))?;
        self.unknown_keys()?;
        let newest = self.new.newest()?;
        self.loss.upto = reached.max(newest.position);
        self.loss.kept = newest.position;
        if newest.position < reached {
            self.loss.lost.push(format!(
                "commits {} to {reached}, with what they changed and published",
                newest.position + 1
            ));
        }
        self.restate(newest)?;
        Ok(self.loss)
    }

    /// Copies whatever is sound, from both ends when something in between cannot be read.
    fn copy(&mut self, span: Span) -> Result<(), Error> {
        let mut forward = span.clone();
        while let Ok(entries) = self.old.scan_within(&forward, STEP, Direction::Forwards) {
            let Some((last, _)) = entries.last() else {
                return Ok(());
            };
            forward.start = key::next_key(last);
            self.keep(entries)?;
        }
        let mut backward = Span {
            start: forward.start,
            end: span.end,
        };
        while let Ok(entries) = self.old.scan_within(&backward, STEP, Direction::Backwards) {
            let Some((last, _)) = entries.last() else {
                return Ok(());
            };
            backward.end = last.clone();
            self.keep(entries)?;
        }
        // What is in between is asked for key by key, as far as commits name them.
        self.loss
            .lost
            .push("a part of it that its engine cannot read".to_owned());
        Ok(())
    }

    /// Drops the events of a commit behind the last one: it was cut off, and is none.
    fn drop_events(&mut self, last: u64) -> Result<(), Error> {
        let after = EventPosition {
            commit: last,
            index: u16::MAX,
        };
        let mut dropped = 0;
        for lane in 0..LANES {
            let span = key::events(lane, Some(after), u64::MAX);
            for (key, _) in Tree::scan(self.new, &span, usize::MAX, Direction::Forwards)? {
                self.new.put(&Change { key, value: None })?;
                dropped += 1;
            }
        }
        if dropped > 0 {
            let lost = format!("{dropped} events of a commit that was cut off");
            self.loss.lost.push(lost);
        }
        Ok(())
    }

    fn keep(&mut self, mut entries: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), Error> {
        let found = entries.len();
        entries.retain(|(key, sealed)| seal::open(key, sealed).is_ok());
        self.loss.sound += entries.len() as u64;
        self.loss.unsound += (found - entries.len()) as u64;
        let changes: Vec<_> = entries
            .into_iter()
            .map(|(key, sealed)| Change {
                key,
                value: Some(sealed.into()),
            })
            .collect();
        self.new.write(&changes)
    }

    /// The commit that wrote what a key has, which is brought over if it can be read.
    fn position(&mut self, key: &[u8]) -> Result<Option<u64>, Error> {
        if let Some(sealed) = self.new.get(key)? {
            return Ok(Some(seal::open(key, &sealed)?.position));
        }
        match self.old.get(key) {
            Ok(Some(sealed)) if seal::open(key, &sealed).is_ok() => {
                let position = seal::open(key, &sealed)?.position;
                self.keep(vec![(key.to_vec(), sealed)])?;
                Ok(Some(position))
            }
            _ => Ok(None),
        }
    }

    fn commits(&mut self, upto: u64) -> Result<(), Error> {
        // The newest one of those that are lost in a row, if one is there that follows it.
        let mut gap: Option<u64> = None;
        let mut position = upto;
        let mut is_followed = false;
        while position > 0 {
            match self.record(position)? {
                Some(record) => {
                    let link = self.mend(position, &record)?;
                    if let Some(lost) = gap.take() {
                        self.placeholder(lost, link)?;
                    }
                    self.changes(position, &record)?;
                    is_followed = true;
                    position -= 1;
                    if record.before.position < position {
                        position = record.before.position;
                    }
                }
                None => {
                    if is_followed && gap.is_none() {
                        gap = Some(position);
                        self.loss.lost.push(format!(
                            "commit {position}: who made it, and what it changed"
                        ));
                    }
                    position -= 1;
                }
            }
        }
        match gap {
            Some(lost) => self.placeholder(lost, Link::default()),
            None => Ok(()),
        }
    }

    fn record(&mut self, position: u64) -> Result<Option<Record>, Error> {
        match self.position(&key::commit(position))? {
            Some(_) => self.new.record(position),
            None => Ok(None),
        }
    }

    /// Sees to it that a commit has all that is said of it, or says what it has not.
    fn mend(&mut self, position: u64, record: &Record) -> Result<Link, Error> {
        let mut lanes = record.lanes.clone();
        for (index, lane) in (0..=u16::MAX).zip(&mut lanes) {
            let place = EventPosition {
                commit: position,
                index,
            };
            if *lane != LOST_LANE && self.position(&key::event(*lane, place))? != Some(position) {
                *lane = LOST_LANE;
                self.loss
                    .lost
                    .push(format!("event {index} of commit {position}"));
            }
        }
        let note = key::story(record.header.story(), position);
        if self.position(&note)?.is_none() {
            self.new.put(&Change::put(position, note, &[]))?;
        }
        if lanes != record.lanes {
            self.rewrite(position, record.header.clone(), lanes, record.before)?;
        }
        self.new.link(position)?.ok_or_else(|| Error::Damaged {
            what: format!("commit {position}, which is missing"),
        })
    }

    /// Stands for commits that are lost, so that the next one follows something.
    fn placeholder(&mut self, position: u64, before: Link) -> Result<(), Error> {
        let header = self.header(position, "lost");
        self.rewrite(position, header.clone(), Vec::new(), before)?;
        let note = key::story(header.story(), position);
        self.new.put(&Change::put(position, note, &[]))
    }

    fn rewrite(
        &self,
        position: u64,
        header: Header,
        lanes: Vec<u8>,
        before: Link,
    ) -> Result<(), Error> {
        // What it changed is stated again by the last commit, where it matters.
        let record = format::encode(&RecordRef {
            header: &header,
            lanes,
            changed: match self.new.record(position) {
                Ok(Some(record)) => record.changed,
                _ => Vec::new(),
            },
            before,
            is_mended: true,
            by: header.by.as_deref(),
        })?;
        let key = key::commit(position);
        self.new.write(&[Change::put(position, key, &record)])
    }

    fn header(&self, position: u64, purpose: &str) -> Header {
        let id = format!("{purpose}.{}.{position}", self.loss.context);
        Header {
            invocation: (&*id).into(),
            correlation_id: CorrelationId::of_kept(&id).ok(),
            time: self.now,
            ..bookkeeping(purpose)
        }
    }

    /// Compares what a commit changed last with what is there.
    fn changes(&mut self, position: u64, record: &Record) -> Result<(), Error> {
        for changed in record.changed.iter().rev() {
            let key = &changed.key;
            if !self.seen.insert(XxHash64::oneshot(0, key)) {
                continue;
            }
            let found = self.position(key)?;
            match (found, changed.is_removed) {
                (Some(found), false) if found == position => {}
                (None, true) => {}
                (None, false) if self.is_swept(key, position) => {}
                // A lost commit has written it since.
                (Some(found), _) if found > position => self.restated.push(key.clone()),
                (Some(_), true) => self.new.put(&Change {
                    key: key.clone(),
                    value: None,
                })?,
                (Some(found), false) => {
                    self.loss.lost.push(format!(
                        "{}: what commit {position} wrote; it has again what commit {found} wrote",
                        key::readable(key)
                    ));
                    self.restated.push(key.clone());
                }
                (None, false) => {
                    self.loss.lost.push(format!(
                        "{}: what commit {position} wrote; it is gone",
                        key::readable(key)
                    ));
                    self.restated.push(key.clone());
                }
            }
        }
        Ok(())
    }

    fn is_swept(&self, key: &[u8], position: u64) -> bool {
        self.sweeps.iter().any(|(span, upto)| {
            position <= *upto && span.start.as_slice() <= key && key < span.end.as_slice()
        })
    }

    /// Keys that no commit names which is left.
    fn unknown_keys(&mut self) -> Result<(), Error> {
        for mut span in key::whole() {
            loop {
                let entries = self.new.scan_within(&span, STEP, Direction::Forwards)?;
                let Some((last, _)) = entries.last() else {
                    break;
                };
                span.start = key::next_key(last);
                for (key, _) in entries {
                    let is_known = key::decode(&key).is_err()
                        || self.seen.contains(&XxHash64::oneshot(0, &key));
                    if !is_known {
                        self.restated.push(key);
                    }
                }
            }
        }
        Ok(())
    }

    /// Says in commits of its own how the keys are that are not as the commits before left them.
    fn restate(&mut self, mut newest: Link) -> Result<(), Error> {
        if self.loss.lost.is_empty() && self.restated.is_empty() {
            return Ok(());
        }
        let mut position = self.loss.upto.saturating_add(GAP);
        let mut keys = std::mem::take(&mut self.restated).into_iter().peekable();
        loop {
            let mut writes = Vec::new();
            let mut bytes = 0;
            while bytes < RESTATED.0 && writes.len() < RESTATED.1 {
                let Some(key) = keys.next() else { break };
                let (space, name) = key::decode(&key)?;
                let write = Write {
                    space,
                    key: name.to_vec(),
                    value: self.new.value(&key)?,
                };
                bytes += write.size();
                writes.push(write);
            }
            let commit = Commit {
                position,
                header: self.header(position, "repair"),
                writes,
                events: Vec::new(),
            };
            newest = self.new.append(&[commit], newest)?;
            self.loss.kept = position;
            position += 1;
            if keys.peek().is_none() {
                return Ok(());
            }
        }
    }
}
