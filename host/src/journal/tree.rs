//! A journal on top of any ordered key-value engine. What an engine has to offer is [`Tree`]; the rest is the same for all.

use std::mem;

use super::apply::{self, Change};
use super::copy::Raw;
use super::counts;
use super::direction::Direction;
use super::format::{self, Link, Record};
use super::key::{self, Span};
use super::large_commit::{LargeCommit, Step};
use super::redo_log::RedoLog;
use super::{
    Bounds, Commit, Counted, Entry, Error, Event, EventPosition, Journal, KeyRange, LaneEvents,
    Recorded, Space, Usage, seal,
};
use crate::core::CorrelationId;

/// The most commits that a story shows. A client that sends one correlation id for all it does must not fill the memory.
const STORY: usize = 10_000;

/// About how many bytes of values a step of a sweep reads.
const SWEPT: usize = 1 << 20;

/// What a mended commit has in the place of an event that was lost.
pub(super) const LOST_LANE: u8 = u8::MAX;

/// An ordered map of bytes whose batches are atomic. Its values are sealed; bounds count what is in them.
pub(super) trait Tree: Send + Sync + 'static {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    fn scan_within(
        &self,
        span: &Span,
        bounds: Bounds,
        direction: Direction,
    ) -> Result<Vec<Entry>, Error>;
    /// How long the value of a key is, as it is kept; none when there is none.
    fn size(&self, key: &[u8]) -> Result<Option<u64>, Error>;
    /// How many keys a span holds, at most `limit`; with the last one, when it has come to that many.
    fn count_within(&self, span: &Span, limit: u64) -> Result<Counted, Error>;
    /// Makes all changes or none, in the order given; also after a crash.
    fn write(&self, changes: &[Change<'_>]) -> Result<(), Error>;
    /// Makes one change, at any time and from any thread. A long value waits for a flush that is under way.
    fn put(&self, change: &Change<'_>) -> Result<(), Error>;
    /// Where large commits are logged before they are made; none where nothing outlives a crash.
    fn redo_log(&self) -> Option<&RedoLog> {
        None
    }

    fn scan(&self, span: &Span, limit: usize, direction: Direction) -> Result<Vec<Entry>, Error> {
        self.scan_within(span, Bounds::entries(limit), direction)
    }

    /// The value of a key, checked.
    fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let sealed = self.get(key)?;
        sealed.map(|sealed| seal::unseal(key, sealed)).transpose()
    }

    /// The entries of a span, checked.
    fn values(
        &self,
        span: &Span,
        bounds: Bounds,
        direction: Direction,
    ) -> Result<Vec<Entry>, Error> {
        let mut entries = self.scan_within(span, bounds, direction)?;
        for (key, value) in &mut entries {
            *value = seal::unseal(key, mem::take(value))?;
        }
        Ok(entries)
    }

    /// A commit as the next one knows it; none when it is not there.
    fn link(&self, position: u64) -> Result<Option<Link>, Error> {
        let key = key::commit(position);
        let Some(sealed) = self.get(&key)? else {
            return Ok(None);
        };
        let checksum = seal::open(&key, &sealed)?.checksum;
        Ok(Some(Link { position, checksum }))
    }

    /// The record of a commit; none when it is not there.
    fn record(&self, position: u64) -> Result<Option<Record>, Error> {
        let value = self.value(&key::commit(position))?;
        value
            .map(|value| format::decode_record(&value, || format!("commit {position}")))
            .transpose()
    }
}

impl<T: Tree> Journal for T {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.value(&key::encode(space, key))
    }

    fn scan_within(
        &self,
        space: Space,
        range: &KeyRange,
        bounds: Bounds,
        direction: Direction,
    ) -> Result<Vec<Entry>, Error> {
        let span = Span::of(space, range);
        let mut entries = self.values(&span, bounds, direction)?;
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

    fn value_size(&self, space: Space, key: &[u8]) -> Result<Option<u64>, Error> {
        Tree::size(self, &key::encode(space, key))
    }

    fn usage(&self, generation: u32) -> Result<Usage, Error> {
        counts::usage(self, generation)
    }

    fn upgrade(&self) -> Result<(), Error> {
        counts::complete(self)
    }

    fn append(&self, commits: &[Commit], before: Link) -> Result<Link, Error> {
        let mut changes = Vec::with_capacity(commits.len() * 8);
        let mut newest = before;
        for commit in commits {
            let (mut made, link) = apply::changes(commit, newest)?;
            changes.append(&mut made);
            newest = link;
        }
        if let Some(last) = commits.last() {
            changes.append(&mut counts::changes(self, &changes, last.position)?);
        }
        self.write(&changes)?;
        Ok(newest)
    }

    fn append_large(&self, commit: LargeCommit) -> Result<Step, Error> {
        commit.step(self)
    }

    fn newest(&self) -> Result<Link, Error> {
        let newest = Tree::scan(self, &key::commits_after(0), 1, Direction::Backwards)?;
        let Some((key, sealed)) = newest.first() else {
            return Ok(Link::default());
        };
        let position = key::position(key)?;
        let checksum = seal::open(key, sealed)?.checksum;
        Ok(Link { position, checksum })
    }

    fn events_within(
        &self,
        lane: u8,
        after: Option<EventPosition>,
        upto: u64,
        bounds: Bounds,
    ) -> Result<LaneEvents, Error> {
        let span = key::events(lane, after, upto);
        let first = Bounds::entries(1);
        // What cannot be read may be further behind.
        events_of(self, &span, bounds).or_else(|_| events_of(self, &span, first))
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
        let newest = Tree::scan(
            self,
            &key::events(lane, None, u64::MAX),
            1,
            Direction::Backwards,
        )?;
        newest
            .first()
            .map(|(key, _)| key::event_position(key))
            .transpose()
    }

    fn story(&self, correlation_id: &CorrelationId) -> Result<Vec<Recorded>, Error> {
        let notes = Tree::scan(
            self,
            &key::story_span(correlation_id),
            STORY,
            Direction::Forwards,
        )?;
        let mut story = Vec::with_capacity(notes.len());
        for (note, _) in notes {
            let position = key::position(&note)?;
            let record = self.record(position)?.ok_or_else(|| Error::Damaged {
                what: format!("commit {position}, which is missing"),
            })?;
            story.push(recorded(self, position, record)?);
        }
        Ok(story)
    }

    fn commits(&self, after: u64, limit: usize) -> Result<Vec<Recorded>, Error> {
        let span = key::commits_after(after);
        let entries = self.values(&span, Bounds::entries(limit), Direction::Forwards)?;
        let record = |(key, value): &Entry| {
            let position = key::position(key)?;
            let record = format::decode_record(value, || format!("commit {position}"))?;
            recorded(self, position, record)
        };
        entries.iter().map(record).collect()
    }

    fn sweep(&self, space: Space, range: &KeyRange, limit: usize) -> Result<usize, Error> {
        let bounds = Bounds {
            entries: limit,
            bytes: SWEPT,
        };
        if let Space::State(generation) = space {
            counts::forget(self, generation)?;
        }
        let span = Span::of(space, range);
        let entries = Tree::scan_within(self, &span, bounds, Direction::Forwards)?;
        let swept = entries.len();
        if swept == 0 {
            return Ok(0);
        }
        // First: whoever checks the journal must not miss what is swept, also of a commit whose record is still to come.
        let positions = entries
            .iter()
            .flat_map(|(key, value)| seal::open(key, value));
        let latest = positions.map(|written| written.position).max();
        let upto = self.newest()?.position.max(latest.unwrap_or_default());
        let note = key::swept(&span);
        let before = match self.value(&note)? {
            Some(before) => format::decode(&before, || "a note of what was swept".to_owned())?,
            None => 0,
        };
        let upto = format::encode(&upto.max(before))?;
        let mut changes = vec![Change::put(seal::NO_COMMIT, note, &upto)];
        let mut bytes = 0;
        for (key, value) in entries {
            bytes += (key.len() + value.len()) as u64;
            changes.push(Change { key, value: None });
        }
        match space {
            // There may be very many, and how much there is was forgotten as a whole: each goes by itself, so that nobody waits.
            Space::State(_) => changes.iter().try_for_each(|change| self.put(change))?,
            // They are few, and go together with the note of how much they were: otherwise a crash in between would leave that wrong for good.
            _ => {
                changes.push(counts::swept(self, bytes)?);
                self.write(&changes)?;
            }
        }
        Ok(swept)
    }

    fn sequence_count(&self) -> Result<u64, Error> {
        Ok(Tree::count_within(self, &key::sequences(), u64::MAX)?.keys)
    }

    fn sequence(&self, name: &str) -> Result<u64, Error> {
        match self.value(&key::sequence(name))? {
            Some(mark) => format::decode(&mark, || format!("the sequence {name}")),
            None => Ok(0),
        }
    }

    fn raw_after(&self, after: &[u8], bytes: usize) -> Result<Vec<Raw>, Error> {
        let bounds = Bounds {
            entries: usize::MAX,
            bytes,
        };
        for mut span in key::whole() {
            span.start = span.start.max(key::next_key(after));
            let entries = Tree::scan_within(self, &span, bounds, Direction::Forwards)?;
            if !entries.is_empty() {
                let entries = entries.into_iter();
                return Ok(entries.map(|(key, value)| (key, Some(value))).collect());
            }
        }
        Ok(Vec::new())
    }

    fn raw(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Tree::get(self, key)
    }

    fn raw_changed(&self, position: u64) -> Result<Vec<Vec<u8>>, Error> {
        let Some(record) = self.record(position)? else {
            return Ok(Vec::new());
        };
        let mut keys = vec![
            key::commit(position),
            key::story(record.header.story(), position),
        ];
        for (index, lane) in (0..=u16::MAX).zip(record.lanes) {
            let place = EventPosition {
                commit: position,
                index,
            };
            keys.push(key::event(lane, place));
        }
        keys.extend(record.changed.into_iter().map(|changed| changed.key));
        Ok(keys)
    }

    fn raw_outside(&self) -> Result<Vec<Raw>, Error> {
        let mut found = Vec::new();
        for span in [key::sequences(), key::sweeps()] {
            let entries = Tree::scan(self, &span, usize::MAX, Direction::Forwards)?.into_iter();
            found.extend(entries.map(|(key, value)| (key, Some(value))));
        }
        Ok(found)
    }

    fn reserve(&self, name: &str, to: u64) -> Result<(), Error> {
        let mark = format::encode(&to)?;
        self.put(&Change::put(seal::NO_COMMIT, key::sequence(name), &mark))
    }
}

fn recorded<T: Tree>(tree: &T, position: u64, record: Record) -> Result<Recorded, Error> {
    let mut events = Vec::with_capacity(record.lanes.len());
    for (index, lane) in (0..=u16::MAX).zip(record.lanes) {
        // Lost, and mended without it.
        if lane == LOST_LANE {
            continue;
        }
        let key = key::event(
            lane,
            EventPosition {
                commit: position,
                index,
            },
        );
        let value = tree.value(&key)?.ok_or_else(|| Error::Damaged {
            what: format!("event {index} of commit {position}, which is missing"),
        })?;
        events.push(read_event(&key, &value)?);
    }
    Ok((position, record.header, events))
}

fn events_of(tree: &impl Tree, span: &Span, bounds: Bounds) -> Result<LaneEvents, Error> {
    let entries = tree.scan_within(span, bounds, Direction::Forwards)?;
    let lengths = entries.iter().map(|(_, sealed)| sealed.len());
    let bytes = lengths
        .map(|length| length.saturating_sub(seal::LENGTH))
        .sum();
    let rest = entries.last().map(|(last, _)| key::next_key(last));
    // Otherwise it was the span that has ended.
    let rest = rest.filter(|_| !bounds.leave_room(&entries, bytes));
    let mut events = Vec::with_capacity(entries.len());
    for (key, sealed) in entries {
        match read_sealed_event(&key, sealed) {
            Ok(event) => events.push(event),
            Err(error) if events.is_empty() => return Err(error),
            Err(_) => {
                let has_more = true;
                return Ok(LaneEvents { events, has_more });
            }
        }
    }
    let has_more = rest.is_some_and(|start| {
        let end = span.end.clone();
        let next = tree.count_within(&Span { start, end }, 1);
        next.map_or(true, |next| next.keys > 0)
    });
    Ok(LaneEvents { events, has_more })
}

fn read_sealed_event(key: &[u8], sealed: Vec<u8>) -> Result<(EventPosition, Event), Error> {
    let value = seal::unseal(key, sealed)?;
    Ok((key::event_position(key)?, read_event(key, &value)?))
}

fn read_event(key: &[u8], value: &[u8]) -> Result<Event, Error> {
    format::decode_event(value, || format!("the event {}", key.escape_ascii()))
}
