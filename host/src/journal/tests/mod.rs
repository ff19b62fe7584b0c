//! What the journal promises, tried on its engines.

mod committing;
mod copying;
mod counts;
mod damage;
mod engines;
mod failing_tree;
mod flushing;
mod keys;
mod lanes;
mod large;
mod reads;
mod recovery;
mod sequences;
mod serializable;
mod window;

use std::sync::Arc;

use proptest::test_runner::Config;
use tempfile::TempDir;

use super::large_commit::{LargeCommit, Step};
use super::*;
use crate::core::{CorrelationId, Kept};

const STATE: Space = Space::State(0);

/// As many cases as one wants to wait for. What fails is printed, and not written next to the source.
fn cases(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    }
}

/// A store on disk, and the directory that goes away with it.
fn sled_store() -> (TempDir, Arc<dyn Store>) {
    let data = tempfile::tempdir().unwrap();
    let store = SledStore::open(data.path(), 8 << 20).unwrap();
    (data, Arc::new(store))
}

/// The story of a text; none of an empty one.
fn story(text: &str) -> Option<CorrelationId> {
    let story = CorrelationId::of_kept(text).unwrap();
    (!text.is_empty()).then_some(story)
}

fn header(invocation: &str) -> Header {
    Header {
        invocation: invocation.into(),
        cause: Cause::Host {
            purpose: "test".to_owned(),
        },
        ending: Ending::Committed,
        attempt: 1,
        correlation_id: story(invocation),
        causation_id: None,
        version: None,
        time: 1_700_000_000_000,
        status: None,
        by: None,
    }
}

fn event(id: &str, subject: &str) -> Event {
    Event {
        id: id.into(),
        kind: "RoomRegistered".to_owned(),
        subject: subject.to_owned(),
        time: 1_700_000_000_000,
        data: id.as_bytes().to_vec(),
        correlation_id: CorrelationId::of_kept(id).unwrap(),
        causation_id: Some(id.into()).filter(|_| !id.is_empty()),
        trace: None,
        identity: None,
    }
}

fn put(key: &str, value: &str) -> Write {
    Write {
        space: STATE,
        key: key.as_bytes().to_vec(),
        value: Some(value.as_bytes().to_vec()),
    }
}

/// A unit of work that writes without having read.
fn blind(ledger: &Ledger, invocation: &str, writes: Vec<Write>) -> Unit {
    Unit {
        began: ledger.applied(),
        reads: ReadSet::default(),
        header: header(invocation),
        writes,
        events: Vec::new(),
    }
}

/// Appends a commit in steps, at most so many; the position of the newest when that is all.
fn append_in_steps(journal: &dyn Journal, commit: Commit, steps: usize) -> Option<u64> {
    let mut commit = LargeCommit::new(commit, journal.newest().unwrap());
    for _ in 0..steps {
        match journal.append_large(commit).unwrap() {
            Step::UnderWay { commit: rest, .. } => commit = rest,
            Step::Appended { link, .. } => return Some(link.position),
        }
    }
    None
}

/// Everything that a journal shows.
#[derive(Clone, Debug, PartialEq)]
struct Picture {
    last: u64,
    spaces: Vec<Vec<Entry>>,
    commits: Vec<Recorded>,
    events: Vec<Vec<(EventPosition, Event)>>,
    lane_ends: Vec<Option<EventPosition>>,
}

const SPACES: [Space; 10] = [
    Space::State(0),
    Space::State(1),
    Space::State(u32::MAX),
    Space::Cursor,
    Space::Result,
    Space::Intent,
    Space::Compensation,
    Space::Timer,
    Space::DeadLetter,
    Space::Meta,
];

fn picture(journal: &dyn Journal) -> Picture {
    let all = KeyRange::all();
    let scan = |space: &Space| {
        journal
            .scan(*space, &all, usize::MAX, Direction::Forwards)
            .unwrap()
    };
    let events = |lane| journal.events(lane, None, u64::MAX, usize::MAX).unwrap();
    Picture {
        last: journal.newest().unwrap().position,
        spaces: SPACES.iter().map(scan).collect(),
        commits: journal.commits(0, usize::MAX).unwrap(),
        events: (0..LANES).map(events).collect(),
        lane_ends: (0..LANES)
            .map(|lane| journal.lane_end(lane).unwrap())
            .collect(),
    }
}
