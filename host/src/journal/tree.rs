//! A journal on top of any ordered key-value engine. What an engine has to offer is [`Tree`]; the rest is the same for all.

use std::borrow::Cow;

use super::apply::{self, Change};
use super::counts;
use super::format::{self, Record};
use super::key::{self, Span};
use super::{
    Bounds, Commit, Counted, Entry, Error, Event, EventPosition, Journal, KeyRange, Recorded, Space,
};

/// The most commits that a story shows. A client that sends one correlation id for all it does must not fill the memory.
const STORY: usize = 10_000;

/// About how many bytes of values a step of a sweep reads.
const SWEPT: usize = 1 << 20;

/// An ordered map of bytes whose batches are atomic.
pub(super) trait Tree: Send + Sync + 'static {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    fn scan_within(&self, span: &Span, bounds: Bounds, reverse: bool) -> Result<Vec<Entry>, Error>;
    fn contains(&self, key: &[u8]) -> Result<bool, Error>;
    /// How many keys a span holds, at most `limit`; with the last one, when it has come to that many.
    fn count_within(&self, span: &Span, limit: u64) -> Result<Counted, Error>;
    /// Makes all changes or none, in the order given; also after a crash.
    fn write(&self, changes: &[Change<'_>]) -> Result<(), Error>;
    /// Makes one change of a short value, at any time and from any thread.
    fn put(&self, change: &Change<'_>) -> Result<(), Error>;

    fn scan(&self, span: &Span, limit: usize, reverse: bool) -> Result<Vec<Entry>, Error> {
        self.scan_within(span, Bounds::entries(limit), reverse)
    }
}

impl<T: Tree> Journal for T {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Tree::get(self, &key::encode(space, key))
    }

    fn scan_within(
        &self,
        space: Space,
        range: &KeyRange,
        bounds: Bounds,
        reverse: bool,
    ) -> Result<Vec<Entry>, Error> {
        let span = Span::of(space, range);
        let mut entries = Tree::scan_within(self, &span, bounds, reverse)?;
        for (key, _) in &mut entries {
            *key = key::decode(key)?.1.to_vec();
        }
        Ok(entries)
    }

    fn kept_count(&self, space: Space, range: &KeyRange) -> Result<Option<u64>, Error> {
        let kept = counts::of_range(space, range);
        kept.map(|key| counts::read(self, &key)).transpose()
    }

    fn count_within(&self, space: Space, range: &KeyRange, limit: u64) -> Result<Counted, Error> {
        let mut counted = Tree::count_within(self, &Span::of(space, range), limit)?;
        if let Some(last) = &mut counted.last {
            *last = key::decode(last)?.1.to_vec();
        }
        Ok(counted)
    }

    fn upgrade(&self) -> Result<(), Error> {
        counts::complete(self)
    }

    fn append(&self, commits: &[Commit]) -> Result<(), Error> {
        let mut changes = Vec::with_capacity(commits.len() * 8);
        for commit in commits {
            changes.append(&mut apply::changes(commit)?);
        }
        if let Some(last) = commits.last() {
            changes.append(&mut counts::changes(self, &changes, last.position)?);
        }
        self.write(&changes)
    }

    fn last_position(&self) -> Result<u64, Error> {
        let newest = Tree::scan(self, &key::commits_after(0), 1, true)?;
        newest.first().map_or(Ok(0), |(key, _)| key::position(key))
    }

    fn events_within(
        &self,
        lane: u8,
        after: Option<EventPosition>,
        upto: u64,
        bounds: Bounds,
    ) -> Result<Vec<(EventPosition, Event)>, Error> {
        let span = key::events(lane, after, upto);
        let entries = Tree::scan_within(self, &span, bounds, false)?;
        entries
            .iter()
            .map(|(key, value)| Ok((key::event_position(key)?, read_event(key, value)?)))
            .collect()
    }

    fn count_events(
        &self,
        lane: u8,
        after: Option<EventPosition>,
        upto: u64,
    ) -> Result<u64, Error> {
        let span = key::events(lane, after, upto);
        Ok(Tree::count_within(self, &span, u64::MAX)?.keys)
    }

    fn lane_end(&self, lane: u8) -> Result<Option<EventPosition>, Error> {
        let newest = Tree::scan(self, &key::events(lane, None, u64::MAX), 1, true)?;
        newest
            .first()
            .map(|(key, _)| key::event_position(key))
            .transpose()
    }

    fn story(&self, correlation_id: &str) -> Result<Vec<Recorded>, Error> {
        let notes = Tree::scan(self, &key::story_span(correlation_id), STORY, false)?;
        let mut story = Vec::with_capacity(notes.len());
        for (note, _) in notes {
            let position = key::position(&note)?;
            let value = Tree::get(self, &key::commit(position))?.ok_or_else(|| Error::Damaged {
                what: format!("commit {position}, which is missing"),
            })?;
            story.push(recorded(self, position, &value)?);
        }
        Ok(story)
    }

    fn commits(&self, after: u64, limit: usize) -> Result<Vec<Recorded>, Error> {
        let entries = Tree::scan(self, &key::commits_after(after), limit, false)?;
        entries
            .iter()
            .map(|(key, value)| recorded(self, key::position(key)?, value))
            .collect()
    }

    fn sweep(&self, space: Space, range: &KeyRange, limit: usize) -> Result<usize, Error> {
        let bounds = Bounds {
            entries: limit,
            bytes: SWEPT,
        };
        if let Space::State(generation) = space {
            counts::forget(self, generation)?;
        }
        let entries = Tree::scan_within(self, &Span::of(space, range), bounds, false)?;
        let swept = entries.len();
        for (key, _) in entries {
            self.put(&Change { key, value: None })?;
        }
        Ok(swept)
    }

    fn sequence(&self, name: &str) -> Result<u64, Error> {
        match Tree::get(self, &key::sequence(name))? {
            Some(mark) => format::decode(&mark, || format!("the sequence {name}")),
            None => Ok(0),
        }
    }

    fn reserve(&self, name: &str, to: u64) -> Result<(), Error> {
        self.put(&Change {
            key: key::sequence(name),
            value: Some(Cow::Owned(format::encode(&to)?)),
        })
    }
}

fn recorded<T: Tree>(tree: &T, position: u64, value: &[u8]) -> Result<Recorded, Error> {
    let record: Record = format::decode(value, || format!("commit {position}"))?;
    let mut events = Vec::with_capacity(record.lanes.len());
    for (index, lane) in (0..=u16::MAX).zip(record.lanes) {
        let key = key::event(
            lane,
            EventPosition {
                commit: position,
                index,
            },
        );
        let value = Tree::get(tree, &key)?.ok_or_else(|| Error::Damaged {
            what: format!("event {index} of commit {position}, which is missing"),
        })?;
        events.push(read_event(&key, &value)?);
    }
    Ok((position, record.header, events))
}

fn read_event(key: &[u8], value: &[u8]) -> Result<Event, Error> {
    format::decode(value, || format!("the event {}", key.escape_ascii()))
}
