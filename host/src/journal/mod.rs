//! The journal: the ordered commits of one context, and the only place where its state lives.
//!
//! A [`Store`] holds one [`Journal`] for each context. A journal applies commits and answers reads, and knows nothing of concurrency.
//! The [`Committer`] decides, for all contexts of a store, which units of work become commits and in which order, and flushes them in groups.
//! A [`Ledger`] is one context's view of both: what an invocation reads from and commits to.

mod apply;
mod audit;
mod backlog;
mod bookkeeping;
mod capture;
mod committer;
mod contention;
mod copy;
mod counts;
mod direction;
mod error;
pub(crate) mod event_without_trace;
mod format;
mod free_space;
mod group;
mod guard;
mod key;
mod large_commit;
mod ledger;
mod ledgers;
mod maintenance;
mod memory;
mod merge;
mod opening;
mod overflow;
mod pages;
mod read_set;
mod recent;
mod record;
mod redo_log;
mod retry;
mod salvage;
mod seal;
mod sequence;
mod shutdown;
mod sled;
mod slices;
mod store;
#[cfg(test)]
mod tests;
mod tree;
mod unit;
mod usage;
mod waiting;
mod watermark;
mod worker;

pub use self::audit::Findings;
pub(crate) use self::bookkeeping::bookkeeping;
pub use self::capture::Capture;
pub use self::committer::{Committed, Committer, Flush, Options};
pub use self::contention::Contended;
pub use self::copy::{CopyError, CopyWriter, FileKind, Part, Raw, copy};
pub use self::direction::Direction;
pub use self::error::{CommitError, Error};
pub use self::format::Link;
pub(crate) use self::format::read_grown;
pub use self::free_space::{FreeSpace, Shortage};
pub use self::key::KeyRange;
pub(crate) use self::key::next_key;
pub use self::ledger::Ledger;
pub use self::ledgers::Ledgers;
pub use self::maintenance::{Repaired, Verified, repair, verify};
pub use self::memory::MemoryStore;
pub use self::merge::{Merge, MergeOperator};
pub use self::opening::commits_on_disk;
pub use self::pages::{Found, Pages, PagesAroundDamage};
pub use self::read_set::ReadSet;
pub use self::record::{
    Cause, Commit, Ending, Event, EventPosition, Header, LANES, Space, Write, lane_of,
};
pub(crate) use self::retry::Proposal;
pub use self::salvage::Loss;
pub use self::sled::SledStore;
pub use self::store::{Bounds, Counted, Entry, Journal, LaneEvents, Recorded, Store};
pub use self::unit::{Durability, LARGEST_COMMIT, Unit};
pub use self::usage::{Quota, Resource, Usage};
