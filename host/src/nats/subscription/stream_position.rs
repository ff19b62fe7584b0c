//! How far a subscription has read a stream, and how it recognizes that stream.
//!
//! A stream is not what its name says: it can be deleted and made again, and it can come back with an older store, its last messages lost, and go on with
//! others under the same numbers. So a place holds when the stream was made, and when some of the messages that were taken in were published.

use std::collections::BTreeMap;

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Info;
use serde::{Deserialize, Serialize};

use crate::invocation::record;
use crate::journal::{self, Direction, KeyRange, Ledger, Space, Write};
use crate::nats::error::NatsError;
use crate::nats::raw_message::{self, Wanted};
use crate::nats::subject;

/// How many messages are remembered to know the stream by: one may have been deleted meanwhile.
const MARKS: usize = 8;
/// Where places were kept by versions that knew a stream by its name and its beginning only.
const FORMER: &str = "nats-inlet/";
const PREFIX: &str = "nats-place/";

/// How far a subscription has read a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StreamPosition {
    pub stream: String,
    /// When the stream was made, in nanoseconds since the Unix epoch: another one of that name counts anew.
    pub made: i128,
    /// The last message that was taken in, or that is known not to be for it.
    pub sequence: u64,
    /// Messages that were taken in, the newest last.
    marks: Vec<Mark>,
    /// How many messages the stream dropped before they were read.
    pub dropped: u64,
    /// When it was noticed that the stream was set back, or is another one, in milliseconds since the Unix epoch.
    pub disturbed: Option<u64>,
}

/// A message that was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    sequence: u64,
    /// When it was published, in nanoseconds since the Unix epoch.
    time: i128,
}

/// What versions before kept.
#[derive(Deserialize)]
struct Former {
    stream: String,
    made: i128,
    sequence: u64,
}

/// What a stream is to a place in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// It goes on from there.
    Same,
    /// It has lost what came after this sequence, and perhaps has other messages in its place.
    SetBack(u64),
    /// It was deleted and made again, or is called otherwise.
    Another,
}

impl StreamPosition {
    /// The beginning of a stream: before the first message that it has.
    pub(super) fn beginning(info: &Info) -> Self {
        Self {
            stream: info.config.name.clone(),
            made: info.created.unix_timestamp_nanos(),
            sequence: info.state.first_sequence.saturating_sub(1),
            marks: Vec::new(),
            dropped: 0,
            disturbed: None,
        }
    }

    /// The beginning of a stream that has taken another's place.
    pub(super) fn anew(&self, info: &Info, now: u64) -> Self {
        Self {
            dropped: self.dropped,
            disturbed: Some(now),
            ..Self::beginning(info)
        }
    }

    /// Notes that a message was taken in. `time` is in nanoseconds since the Unix epoch.
    pub(super) fn note(&mut self, sequence: u64, time: i128) {
        self.sequence = self.sequence.max(sequence);
        self.marks.push(Mark { sequence, time });
        self.marks.sort_unstable_by_key(|mark| mark.sequence);
        if self.marks.len() > MARKS {
            self.forget_one();
        }
    }

    /// When the stream got the last message that was taken in, in milliseconds since the Unix epoch.
    pub(super) fn read_upto(&self) -> Option<u64> {
        let last = self.marks.last()?;
        u64::try_from(last.time / 1_000_000).ok()
    }

    /// Forgets a mark: the one whose neighbours are closest for their age, so that the marks get rarer the further they reach back.
    fn forget_one(&mut self) {
        let newest = self.marks.last().map_or(0, |mark| mark.sequence);
        let spared = |window: &[Mark]| match window {
            [before, _, after] => {
                let (span, age) = (
                    after.sequence - before.sequence,
                    newest - after.sequence + 1,
                );
                span.saturating_mul(1_000) / age
            }
            _ => u64::MAX,
        };
        let windows = self.marks.windows(3).enumerate();
        let closest = windows.min_by_key(|(_, window)| spared(window));
        if let Some((index, _)) = closest {
            self.marks.remove(index + 1);
        }
    }

    /// The same stream, as it was up to a sequence.
    pub(super) fn set_back(&self, to: u64, now: u64) -> Self {
        let marks = self.marks.iter().copied();
        Self {
            sequence: to,
            marks: marks.filter(|mark| mark.sequence <= to).collect(),
            disturbed: Some(now),
            ..self.clone()
        }
    }

    /// Asks the stream whether it still has what was taken in from it.
    pub(super) async fn compare(
        &self,
        context: &Context,
        info: &Info,
    ) -> Result<Comparison, NatsError> {
        if !self.is_of(info) {
            return Ok(Comparison::Another);
        }
        let last = info.state.last_sequence;
        let mut found = BTreeMap::new();
        for mark in self.marks.iter().rev() {
            if mark.sequence > last {
                continue;
            }
            let wanted = Wanted::At { seq: mark.sequence };
            if let Some(message) = raw_message::find(context, &self.stream, &wanted).await? {
                let is_it = message.time.unix_timestamp_nanos() == mark.time;
                found.insert(mark.sequence, is_it);
                if is_it {
                    break;
                }
            }
        }
        Ok(self.judge(last, &found))
    }

    /// `found` says of marks that the stream has a message at whether it is that one.
    fn judge(&self, last: u64, found: &BTreeMap<u64, bool>) -> Comparison {
        let kept = found.iter().rev().find(|(_, is_it)| **is_it);
        let is_set_back = last < self.sequence || found.values().any(|is_it| !is_it);
        match is_set_back {
            true => Comparison::SetBack(kept.map_or(0, |(sequence, _)| *sequence)),
            false => Comparison::Same,
        }
    }

    pub(super) fn is_of(&self, info: &Info) -> bool {
        self.stream == info.config.name && self.made == info.created.unix_timestamp_nanos()
    }

    /// The place that is kept of a followed subject.
    pub(super) fn read(ledger: &Ledger, subject: &str) -> Result<Option<Self>, journal::Error> {
        if let Some(place) = record::find(ledger, Space::Meta, &key(subject))? {
            return Ok(Some(place));
        }
        let former = format!("{FORMER}{subject}");
        let former = record::find::<Former>(ledger, Space::Meta, &former)?;
        Ok(former.map(Self::from))
    }

    /// The places of all subjects that are followed, or were once.
    pub(super) fn all(ledger: &Ledger) -> Result<BTreeMap<String, Self>, journal::Error> {
        let mut places = BTreeMap::new();
        for (prefix, is_former) in [(FORMER, true), (PREFIX, false)] {
            let range = KeyRange::prefix(prefix);
            for (key, value) in ledger.scan(Space::Meta, &range, usize::MAX, Direction::Forwards)? {
                let subject = String::from_utf8_lossy(key.get(prefix.len()..).unwrap_or_default());
                let place = match is_former {
                    true => record::read::<Former>(&key, &value)?.into(),
                    false => record::read(&key, &value)?,
                };
                places.insert(subject.into_owned(), place);
            }
        }
        Ok(places)
    }

    /// The write that keeps it.
    pub(super) fn write(&self, subject: &str) -> Result<Write, journal::Error> {
        record::write(Space::Meta, &key(subject), self)
    }
}

impl From<Former> for StreamPosition {
    fn from(former: Former) -> Self {
        Self {
            stream: former.stream,
            made: former.made,
            sequence: former.sequence,
            marks: Vec::new(),
            dropped: 0,
            disturbed: None,
        }
    }
}

/// Where the place of a followed subject is kept.
pub(super) fn key(subject: &str) -> String {
    format!("{PREFIX}{subject}")
}

/// What was taken in of a stream while its subjects were followed under other names: `pms.>` before, `pms.*.*` now.
pub(super) struct OtherSubjects(Vec<(String, u64)>);

impl OtherSubjects {
    /// What the places of other subjects say of a stream.
    pub(super) fn of(
        places: &BTreeMap<String, StreamPosition>,
        subject: &str,
        info: &Info,
    ) -> Self {
        let others = places
            .iter()
            .filter(|(other, place)| *other != subject && place.is_of(info));
        Self(
            others
                .map(|(other, place)| (other.clone(), place.sequence))
                .collect(),
        )
    }

    /// The message up to which all that a subject stands for has been taken in.
    pub(super) fn covers(&self, subject: &str) -> u64 {
        let wide = self.0.iter();
        let wide = wide.filter(|(other, _)| subject::covers(other, subject));
        wide.map(|(_, sequence)| *sequence).max().unwrap_or(0)
    }

    /// Whether a message has been taken in.
    pub(super) fn has(&self, subject: &str, sequence: u64) -> bool {
        let mut others = self.0.iter();
        others.any(|(other, upto)| sequence <= *upto && subject::covers(other, subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(sequences: &[u64]) -> StreamPosition {
        let mut place = StreamPosition {
            stream: "PMS".into(),
            made: 1,
            sequence: 0,
            marks: Vec::new(),
            dropped: 0,
            disturbed: None,
        };
        for sequence in sequences {
            place.note(*sequence, i128::from(*sequence) * 10);
        }
        place
    }

    #[test]
    fn a_stream_that_lost_its_tail_is_told_from_one_that_goes_on() {
        let place = place(&[5, 10, 15]);
        let found = |of: &[(u64, bool)]| of.iter().copied().collect::<BTreeMap<_, _>>();
        assert_eq!(place.judge(20, &found(&[(15, true)])), Comparison::Same);
        // Nothing is left to compare with.
        assert_eq!(place.judge(20, &found(&[])), Comparison::Same);
        assert_eq!(
            place.judge(14, &found(&[(10, true)])),
            Comparison::SetBack(10)
        );
        assert_eq!(
            place.judge(20, &found(&[(15, false), (10, false), (5, true)])),
            Comparison::SetBack(5)
        );
        assert_eq!(
            place.judge(20, &found(&[(15, false), (10, false)])),
            Comparison::SetBack(0)
        );
        assert_eq!(place.judge(3, &found(&[])), Comparison::SetBack(0));
        let back = place.set_back(10, 7);
        assert_eq!((back.sequence, back.marks.len()), (10, 2));
    }

    #[test]
    fn marks_are_few_and_reach_back() {
        let place = place(&(1..=1_000).collect::<Vec<_>>());
        assert_eq!(place.marks.len(), MARKS);
        let first_and_last = [0, MARKS - 1].map(|index| place.marks[index].sequence);
        assert_eq!(first_and_last, [1, 1_000]);
        assert!(
            place.marks[MARKS - 2].sequence > 900 && place.marks[2].sequence < 900,
            "{place:?}"
        );
        assert!(place.marks.is_sorted_by_key(|mark| mark.sequence));
    }

    #[test]
    fn what_was_taken_in_under_another_subject_is_known() {
        let elsewhere = OtherSubjects(vec![("pms.>".into(), 10), ("pms.rooms.*".into(), 20)]);
        assert_eq!(elsewhere.covers("pms.*.*"), 10);
        assert_eq!(elsewhere.covers("pms.rooms.7"), 20);
        assert_eq!(elsewhere.covers(">"), 0);
        assert!(elsewhere.has("pms.keys.1", 10) && !elsewhere.has("pms.keys.1", 11));
        assert!(elsewhere.has("pms.rooms.1", 20) && !elsewhere.has("other.rooms.1", 1));
    }
}
