//! The journal: the ordered commits of one context, and the only place where its state lives.
//!
//! A [`Store`] holds one [`Journal`] for each context. A journal applies commits and answers reads, and knows nothing of concurrency.
//! The [`Committer`] decides, for all contexts of a store, which units of work become commits and in which order, and flushes them in groups.
//! A [`Ledger`] is one context's view of both: what an invocation reads from and commits to.

mod apply;
mod capture;
mod committer;
mod contention;
mod counts;
mod end;
mod error;
mod format;
mod key;
mod ledger;
mod memory;
mod pieces;
mod read_set;
mod recent;
mod record;
mod sequence;
mod sled;
mod slices;
mod store;
#[cfg(test)]
mod tests;
mod tree;
mod unit;
mod worker;

pub use self::capture::Capture;
pub use self::committer::{Committer, Options};
pub use self::contention::Contended;
pub use self::error::{CommitError, Error};
pub use self::key::KeyRange;
pub use self::ledger::Ledger;
pub use self::memory::MemoryStore;
pub use self::read_set::ReadSet;
pub use self::record::{
    Cause, Commit, Ending, Event, EventPosition, Header, LANES, Space, Write, lane_of,
};
pub use self::sled::SledStore;
pub use self::store::{Bounds, Counted, Entry, Journal, Recorded, Store};
pub use self::unit::{Durability, LARGEST_COMMIT, Unit};
