//! What a unit of work has read.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use super::direction::Direction;
use super::key::{self, Span, next_key};
use super::{Entry, KeyRange, Space};

/// How many keys and ranges are told apart, and how many bytes of them.
const PARTS: usize = 4_096;
const BYTES: usize = 4 << 20;
/// So many are left when they were more: neighbours have become one range.
const FEWER: usize = 512;
/// About what a key takes besides its bytes.
const EACH: usize = 2 * size_of::<Vec<u8>>();

/// The keys and ranges that a unit of work has read, whether or not anything was there.
///
/// It is bounded, however much is read: when there are too many of them, those that are near each other become one range. That can only make a conflict of
/// what was none.
#[derive(Clone, Debug, Default)]
pub struct ReadSet {
    /// Encoded keys.
    keys: BTreeSet<Vec<u8>>,
    /// Encoded ranges, by start, with their ends. No two of them touch.
    spans: BTreeMap<Vec<u8>, Vec<u8>>,
    bytes: usize,
}

impl ReadSet {
    /// Notes that a key was read.
    pub fn note_key(&mut self, space: Space, key: &[u8]) {
        let encoded = key::encode(space, key);
        if !self.spans.is_empty() && self.covers(&encoded) {
            return;
        }
        let bytes = EACH + encoded.len();
        if self.keys.insert(encoded) {
            self.bytes += bytes;
            self.keep_bounded();
        }
    }

    /// Notes that a whole range was read.
    pub fn note_range(&mut self, space: Space, range: &KeyRange) {
        let Span { start, end } = Span::of(space, range);
        self.note_span(start, end);
        self.keep_bounded();
    }

    fn note_span(&mut self, mut start: Vec<u8>, mut end: Vec<u8>) {
        if start >= end {
            return;
        }
        while let Some((near_start, near_end)) = self.spans.range(..=end.clone()).next_back() {
            if *near_end < start {
                break;
            }
            let near_start = near_start.clone();
            let near_end = self.spans.remove(&near_start).unwrap_or_default();
            self.bytes = self
                .bytes
                .saturating_sub(EACH + near_start.len() + near_end.len());
            end = end.max(near_end);
            start = start.min(near_start);
        }
        self.bytes += EACH + start.len() + end.len();
        self.spans.insert(start, end);
    }

    fn keep_bounded(&mut self) {
        if self.keys.len() + self.spans.len() > PARTS || self.bytes > BYTES {
            self.coarsen();
        }
    }

    /// Makes ranges of neighbours until few are left: first of those whose keys have the longest beginning in common.
    fn coarsen(&mut self) {
        let keys = mem::take(&mut self.keys).into_iter();
        let spans = mem::take(&mut self.spans).into_iter();
        self.bytes = 0;
        // Each part with its first and its last key; a range that has an end names that, which only makes it larger.
        let keys = keys.map(|key| (key, None));
        let mut parts: Vec<_> = keys
            .chain(spans.map(|(start, end)| (start, Some(end))))
            .collect();
        parts.sort();
        let nearness: Vec<usize> = parts
            .windows(2)
            .map(|pair| match pair {
                [one, other] => nearness(one, other),
                _ => 0,
            })
            .collect();
        let mut sorted = nearness.clone();
        sorted.sort_unstable_by(|one, other| other.cmp(one));
        let surplus = parts.len().saturating_sub(FEWER);
        let least = sorted.get(surplus).copied().unwrap_or_default().max(1);
        let mut nearness = nearness.into_iter();
        let mut parts = parts.into_iter();
        let Some(mut current) = parts.next() else {
            return;
        };
        for part in parts {
            if nearness.next().is_some_and(|near| near >= least) {
                let (start, end) = (current.0.clone(), last_of(current).max(last_of(part)));
                current = (start, Some(end));
            } else {
                self.put(mem::replace(&mut current, part));
            }
        }
        self.put(current);
    }

    fn put(&mut self, (start, end): Part) {
        match end {
            Some(end) => self.note_span(start, end),
            None => {
                self.bytes += EACH + start.len();
                self.keys.insert(start);
            }
        }
    }

    /// Notes what a scan has seen: the whole range when it came to its end, and the part up to its last entry when `limit` stopped it.
    pub fn note_scan(
        &mut self,
        space: Space,
        range: &KeyRange,
        limit: usize,
        direction: Direction,
        found: &[Entry],
    ) {
        let mut seen = range.clone();
        if found.len() >= limit {
            match found.last() {
                None => return,
                Some((last, _)) if direction == Direction::Backwards => seen.start.clone_from(last),
                Some((last, _)) => seen.end = Some(next_key(last)),
            }
        }
        self.note_range(space, &seen);
    }

    /// About how much memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many keys and ranges are told apart.
    #[cfg(test)]
    pub(super) fn parts(&self) -> usize {
        self.keys.len() + self.spans.len()
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.spans.is_empty()
    }

    /// The keys, encoded.
    pub(super) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(Vec::as_slice)
    }

    pub(super) fn has_ranges(&self) -> bool {
        !self.spans.is_empty()
    }

    /// Whether a range that was read holds an encoded key.
    pub(super) fn covers(&self, key: &[u8]) -> bool {
        let below = (std::ops::Bound::Unbounded, std::ops::Bound::Included(key));
        self.spans
            .range::<[u8], _>(below)
            .next_back()
            .is_some_and(|(_, end)| key < end.as_slice())
    }

    /// Something that was read, to name when it cannot be told what another commit wrote.
    pub(super) fn any(&self) -> Option<&[u8]> {
        self.keys
            .first()
            .or_else(|| self.spans.keys().next())
            .map(Vec::as_slice)
    }
}

/// A key, or with an end a range.
type Part = (Vec<u8>, Option<Vec<u8>>);

/// The end of the range that begins anywhere before a part and holds it.
fn last_of((mut start, end): Part) -> Vec<u8> {
    end.unwrap_or_else(|| {
        // The shortest key that sorts after the key.
        start.push(0);
        start
    })
}

/// How many bytes at their beginning two neighbours have in common; 0 when they are of two spaces, which never become one.
fn nearness((one, end): &Part, (other, _): &Part) -> usize {
    if !key::share_space(one, other) {
        return 0;
    }
    let one = end.as_ref().unwrap_or(one);
    one.iter()
        .zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}
