//! What a unit of work has read.

use std::collections::{BTreeMap, BTreeSet};

use super::key::{self, Span};
use super::{Entry, KeyRange, Space};

/// The keys and ranges that a unit of work has read, whether or not anything was there.
#[derive(Clone, Debug, Default)]
pub struct ReadSet {
    /// Encoded keys.
    keys: BTreeSet<Vec<u8>>,
    /// Encoded ranges, by start, with their ends. No two of them touch.
    spans: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl ReadSet {
    /// Notes that a key was read.
    pub fn note_key(&mut self, space: Space, key: &[u8]) {
        self.keys.insert(key::encode(space, key));
    }

    /// Notes that a whole range was read.
    pub fn note_range(&mut self, space: Space, range: &KeyRange) {
        let Span { mut start, mut end } = Span::of(space, range);
        if start >= end {
            return;
        }
        while let Some((near_start, near_end)) = self.spans.range(..=end.clone()).next_back() {
            if *near_end < start {
                break;
            }
            let near_start = near_start.clone();
            end = end.max(self.spans.remove(&near_start).unwrap_or_default());
            start = start.min(near_start);
        }
        self.spans.insert(start, end);
    }

    /// Notes what a scan has seen: the whole range when it came to its end, and the part up to its last entry when `limit` stopped it.
    pub fn note_scan(
        &mut self,
        space: Space,
        range: &KeyRange,
        limit: usize,
        reverse: bool,
        found: &[Entry],
    ) {
        let mut seen = range.clone();
        if found.len() >= limit {
            match found.last() {
                None => return,
                Some((last, _)) if reverse => seen.start.clone_from(last),
                // The shortest key that sorts after the last one.
                Some((last, _)) => seen.end = Some([last.as_slice(), &[0]].concat()),
            }
        }
        self.note_range(space, &seen);
    }

    /// About how much memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        let keys = self.keys.iter().map(Vec::len);
        let spans = self
            .spans
            .iter()
            .map(|(start, end)| start.len() + end.len());
        let each = 2 * size_of::<Vec<u8>>();
        keys.chain(spans).map(|bytes| bytes + each).sum()
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
