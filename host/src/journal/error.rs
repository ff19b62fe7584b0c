//! What can go wrong, and what to do about it.

use std::path::PathBuf;

use super::{Resource, Shortage, Space};

/// Why a journal cannot be opened, read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another process has the directory open.
    #[error("the journal in {} is in use by another process: stop the Innkeeper that runs there, or choose another directory with --data", directory.display())]
    InUse {
        /// The journal's directory.
        directory: PathBuf,
    },
    /// The directory cannot be opened.
    #[error("the journal in {} cannot be opened: {reason}. Check that the directory is writable and the disk is sound, or choose another with --data", directory.display())]
    Open {
        /// The journal's directory.
        directory: PathBuf,
        /// What the engine said.
        reason: String,
    },
    /// It does not hold what it should.
    #[error("the journal in {} is damaged: {what}. Restore the data directory from a backup, or run `innkeeper journal repair --accept-loss`, which goes on without what is lost and says what that is", directory.display())]
    Unsound {
        /// The journal's directory.
        directory: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// The engine failed to read or write.
    #[error("the journal cannot use its disk: {reason}. Check free space and the disk's health")]
    Disk {
        /// What the engine said.
        reason: String,
    },
    /// A record was written by another Innkeeper.
    #[error(
        "the journal has format {found}, and this Innkeeper reads format {known} only: run the version that wrote it"
    )]
    Format {
        /// The format of the record.
        found: u8,
        /// The format that is known here.
        known: u8,
    },
    /// It was written by an Innkeeper that kept other things of a context, and in another form.
    #[error(
        "the journal was written by an older Innkeeper in a format that this one does not read: run the version that wrote it, or start with another data directory (--data)"
    )]
    Former,
    /// A record cannot be understood.
    #[error(
        "the journal is damaged at {what}: stop Innkeeper, see with `innkeeper journal verify` how much is, and restore a backup or run `innkeeper journal repair`"
    )]
    Damaged {
        /// Which record.
        what: String,
    },
    /// A unit of work publishes more events than a commit can hold.
    #[error(
        "a commit holds at most {limit} events, but this one has {events}: publish fewer in one invocation"
    )]
    TooManyEvents {
        /// How many there were.
        events: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A unit of work is larger than a commit may be.
    #[error(
        "a commit holds at most {limit} bytes, but this one would have {bytes}: change, publish and answer less in one invocation"
    )]
    TooLarge {
        /// How many bytes it would add to the journal, about.
        bytes: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A unit of work changes a value in a way that is not possible for what is there.
    #[error("{reason}")]
    NotMerged {
        /// What is not possible, and what to do.
        reason: String,
    },
    /// A context would keep more than it may.
    #[error(
        "the quota of {limit} {resource} is used up (quota.{resource}): remove some, or raise the quota"
    )]
    QuotaExceeded {
        /// Of what.
        resource: Resource,
        /// How many there may be.
        limit: u64,
    },
    /// There is too little space left on the volume.
    #[error(transparent)]
    NoSpace(Shortage),
    /// An earlier write or flush failed, so what is in memory may not be what is on disk.
    #[error(
        "the journal stopped when its disk failed ({reason}): check free space and the disk's health, then restart Innkeeper"
    )]
    Stopped {
        /// The failure that stopped it.
        reason: String,
    },
    /// The committer could not be started.
    #[error(
        "the committer's thread cannot start: {reason}. Check the limits on threads and memory of this process"
    )]
    Start {
        /// What the system said.
        reason: String,
    },
    /// The journal has been closed.
    #[error("the journal is closed, because Innkeeper is stopping")]
    Closed,
}

impl Error {
    /// Whether it is of one value alone, and the same each time that is read: others may be sound.
    pub fn is_of_one_value(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Format { .. })
    }
}

/// Why a unit of work did not become a commit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Another commit wrote what this unit read: run it again.
    #[error("another commit wrote a key that this unit of work had read")]
    Conflict {
        /// The space of the key.
        space: Space,
        /// The key that was written, or, when the unit began too long ago to tell, one that it read.
        key: Vec<u8>,
    },
    /// The committer's queue is full.
    #[error("too many units of work wait to be committed: try again in a moment")]
    Busy,
    /// The committer has been closed. Whether the unit was committed shows after a restart.
    #[error("the journal is closed, because Innkeeper is stopping")]
    Closed,
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] Error),
}
