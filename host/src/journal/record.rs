//! What a journal holds: commits, their writes and their events.

use serde::{Deserialize, Serialize};

use super::unit;
use crate::core::{
    CausationId, ContextName, CorrelationId, EventId, InvocationId, TraceContext, VerifiedIdentity,
    VersionDigest, or_empty,
};

/// The lanes that each context's events are split into, by a hash of their subject.
pub const LANES: u8 = 16;

/// Which kind of thing a key names. Each space is a key prefix of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Space {
    /// The guest's state, in one generation. A rebuild fills a new generation and then swaps.
    State(u32),
    /// How far a follower has come, per generation, source and lane.
    Cursor,
    /// The stored result of a call or of a request with an `Idempotency-Key`.
    Result,
    /// The input of an invocation that has made calls and not yet ended.
    Intent,
    /// A call that is to be undone.
    Compensation,
    /// An event that is to be published at its time.
    Timer,
    /// An event whose handling was given up on.
    DeadLetter,
    /// Facts about the context itself, such as the generation that serves.
    Meta,
}

/// One change of one key: a value, or its removal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Where the key lives.
    pub space: Space,
    /// The key within its space.
    pub key: Vec<u8>,
    /// The new value; `None` removes the key.
    pub value: Option<Vec<u8>>,
}

impl Write {
    /// About how many bytes it adds to the journal.
    pub fn size(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, Vec::len)
    }
}

/// A domain event as its source's journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Unique and stable.
    pub id: EventId,
    /// What happened, for example `RoomRegistered`.
    pub kind: String,
    /// The aggregate that it is about; it decides the lane.
    pub subject: String,
    /// When it was committed, in milliseconds since the Unix epoch.
    pub time: u64,
    /// The data, JSON by convention.
    pub data: Vec<u8>,
    /// The id that everything with one cause at its root shares.
    pub correlation_id: CorrelationId,
    /// What it comes from; none where that is not known.
    #[serde(with = "or_empty")]
    pub causation_id: Option<CausationId>,
    /// The span that published it, where traces are recorded or one came from outside.
    pub trace: Option<TraceContext>,
    /// Who is behind it; none where nobody is known to be.
    pub identity: Option<VerifiedIdentity>,
}

impl Event {
    /// About how many bytes it adds to the journal.
    pub fn size(&self) -> usize {
        // Its key, its time, its trace, whose it is, and how long everything is.
        const REST: usize = 64;
        let causation = self.causation_id.as_ref().map_or(0, |id| id.len());
        let ids = self.id.len() + self.correlation_id.len() + causation;
        let trace = self.trace.as_ref().map_or(0, TraceContext::carried);
        let identity = self.identity.as_ref().map_or(0, VerifiedIdentity::size);
        ids + trace + identity + self.kind.len() + self.subject.len() + self.data.len() + REST
    }

    /// The lane that keeps this event's order.
    pub fn lane(&self) -> u8 {
        lane_of(&self.subject)
    }
}

/// The lane of a subject.
pub fn lane_of(subject: &str) -> u8 {
    let hash = twox_hash::XxHash64::oneshot(0, subject.as_bytes());
    (hash % u64::from(LANES)) as u8
}

/// An event's place in its source: ordered by commit, then by its index in the commit.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct EventPosition {
    /// The position of the commit that published it.
    pub commit: u64,
    /// Its index in that commit, from 0.
    pub index: u16,
}

/// What set an invocation off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// A web request.
    Web {
        /// The method, in upper case.
        method: String,
        /// The described path.
        route: String,
    },
    /// A call from another context.
    Call {
        /// `<interface>#<function>`.
        function: String,
    },
    /// An event that the context follows.
    Event {
        /// The context that published it.
        source: ContextName,
        /// Its kind.
        kind: String,
        /// Its id.
        id: EventId,
    },
    /// A timer that came due; its event is in the commit.
    Timer {
        /// The timer's id.
        id: EventId,
    },
    /// The host's own bookkeeping.
    Host {
        /// What for, for example `rebuild`.
        purpose: String,
    },
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// Its effects are in this commit.
    Committed,
    /// It had no effects of its own; the commit holds what is to be undone, or the dead letter.
    Abandoned {
        /// Why, for people.
        reason: String,
    },
}

/// What a commit says of the invocation that made it: what a story is drawn from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The invocation's id.
    pub invocation: InvocationId,
    /// What set it off.
    pub cause: Cause,
    /// How it ended.
    pub ending: Ending,
    /// Which attempt this was, from 1.
    pub attempt: u32,
    /// The id that everything with one cause at its root shares; none where it belongs to no story.
    #[serde(with = "or_empty")]
    pub correlation_id: Option<CorrelationId>,
    /// The event or invocation that caused this one; none at the root.
    #[serde(with = "or_empty")]
    pub causation_id: Option<CausationId>,
    /// The version that ran; none when no guest ran.
    #[serde(with = "or_empty")]
    pub version: Option<VersionDigest>,
    /// When it was committed, in milliseconds since the Unix epoch.
    pub time: u64,
    /// The status of a web response.
    pub status: Option<u16>,
    /// Who was behind it: the subject of the identity. It is kept at the end of a commit's record, where there was nothing before.
    #[serde(skip)]
    pub by: Option<String>,
}

impl Header {
    /// The story that it belongs to, as it is looked for; empty where it belongs to none.
    pub(crate) fn story(&self) -> &str {
        self.correlation_id.as_deref().unwrap_or_default()
    }
}

/// The atomic record of one invocation. Applying the commits of a journal in order, from nothing, gives its state: nothing else decides it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its place in the context's journal, from 1, without gaps.
    pub position: u64,
    /// The invocation.
    pub header: Header,
    /// What changed, in the order staged; of two writes to one key the later one counts.
    pub writes: Vec<Write>,
    /// The events published, in order.
    pub events: Vec<Event>,
}

impl Commit {
    /// About how many bytes it adds to the journal.
    pub(super) fn size(&self) -> usize {
        unit::size(&self.writes, &self.events)
    }
}
