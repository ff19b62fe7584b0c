//! What the host keeps in the journal for itself: stored results, intents, compensations, and other records in the same form. A leading byte names the format.
//!
//! A record may get a further field at its end, if that is an option: where it was written before, there is none.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::core::{
    CallId, CausationId, ContextName, CorrelationId, InvocationId, RunId, VerifiedIdentity,
    or_empty,
};
use crate::journal::{self, Ledger, Space, Write};

const FORMAT: u8 = 1;

/// The stored result of a call that committed something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredCall {
    /// When it was committed, in milliseconds since the Unix epoch.
    pub time: u64,
    /// The context whose invocation made it; none when it came from outside.
    pub caller: Option<ContextName>,
    /// The interface of the function.
    pub interface: String,
    /// The function.
    pub function: String,
    /// Its parameters, encoded.
    pub parameters: Vec<u8>,
    /// Its answer, encoded.
    pub answer: Vec<u8>,
    /// The function that undoes it, `<interface>#<function>`, as the version described it that ran it.
    pub undo: Option<String>,
}

/// The stored response to a request with an `Idempotency-Key`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredResponse {
    /// When it was committed, in milliseconds since the Unix epoch.
    pub time: u64,
    /// What the request was.
    pub fingerprint: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// How many runs of a call were abandoned. Forgotten as its stored result would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AbandonedRuns {
    /// When the last one was, in milliseconds since the Unix epoch.
    pub time: u64,
    /// The context whose invocation made the call; none when it came from outside.
    pub caller: Option<ContextName>,
    /// How many.
    pub count: u32,
}

/// An invocation that has begun to call others, and has not ended: what a later process needs to go on with it, or to undo what it called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Intent {
    /// The id that everything with one cause at its root shares.
    pub correlation_id: CorrelationId,
    /// The event or invocation that caused it; none at the root.
    #[serde(with = "or_empty")]
    pub causation_id: Option<CausationId>,
    /// The context whose invocation made it, when it is a call from inside.
    pub caller: Option<ContextName>,
    /// Its time.
    pub now: u64,
    /// The sequence numbers that it drew before its latest call.
    pub draws: Vec<(String, u64)>,
    /// How many runs under its id were abandoned before this one.
    pub run: u32,
    /// The contexts that this run may have called.
    pub callees: Vec<ContextName>,
    /// The answers before its latest call that committed nothing where they came from, so that nobody else remembers them.
    pub answers: Vec<StoredAnswer>,
    /// Whether this run is given up, and its calls are being recorded to be undone.
    pub is_abandoned: bool,
    /// The input, when nobody else would bring it again.
    pub input: Option<StoredInput>,
    /// Who is behind it.
    pub identity: Option<VerifiedIdentity>,
    /// The query of the request as it was sent, where the input is one that has a query.
    pub raw_query: Option<String>,
}

/// An answer that committed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredAnswer {
    /// The call's id.
    pub call: CallId,
    /// The answer, encoded.
    pub answer: Vec<u8>,
}

/// What the host has given up on until an operator decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// When, in milliseconds since the Unix epoch.
    pub time: u64,
    /// Why.
    pub reason: String,
}

/// The input of an invocation that nobody else would bring again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum StoredInput {
    /// A web request.
    Request(StoredRequest),
    /// A call from outside.
    Call(StoredParameters),
}

/// A call from outside as an intent keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredParameters {
    /// The interface of the function.
    pub interface: String,
    /// The function.
    pub function: String,
    /// Its parameters, encoded.
    pub parameters: Vec<u8>,
    /// Where its answer is kept for a repeat.
    pub key: CallId,
}

/// A web request as an intent keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredRequest {
    pub method: String,
    pub route: String,
    pub path: String,
    pub parameters: Vec<(String, String)>,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub idempotency_key: Option<String>,
}

/// A call that is to be undone. What was called with what, and what undoes it, is stored with the call's result, however large that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Compensation {
    /// When it was recorded, in milliseconds since the Unix epoch.
    pub time: u64,
    /// The call's id.
    pub call: CallId,
    /// The context that ran it.
    pub callee: ContextName,
    /// The id that everything with one cause at its root shares.
    pub correlation_id: CorrelationId,
    /// The invocation that did not commit.
    pub causation_id: InvocationId,
    /// How often undoing it has failed.
    pub failures: u32,
    /// When it is tried again, in milliseconds since the Unix epoch.
    pub due: u64,
    /// Why operators have to decide about it; none while it is tried again by itself.
    pub stuck: Option<Stuck>,
    /// Who is behind what is undone.
    pub identity: Option<VerifiedIdentity>,
    /// The run all of whose calls at the callee are to be undone; none where it is the one call. Which calls those are was not to be found, since the callee had left the
    /// app; the call's id is that of the run then.
    pub all_of: Option<RunId>,
}

/// A write of a record under `key`.
pub(crate) fn write<T: Serialize>(
    space: Space,
    key: &str,
    record: &T,
) -> Result<Write, journal::Error> {
    let value =
        postcard::to_extend(record, vec![FORMAT]).map_err(|error| journal::Error::Damaged {
            what: format!("a record that cannot be written: {error}"),
        })?;
    Ok(Write {
        space,
        key: key.as_bytes().to_vec(),
        value: Some(value),
    })
}

/// The removal of `key`.
pub(crate) fn removal(space: Space, key: &str) -> Write {
    Write {
        space,
        key: key.as_bytes().to_vec(),
        value: None,
    }
}

/// The record under `key`, if there is one.
pub(crate) fn find<T: DeserializeOwned>(
    ledger: &Ledger,
    space: Space,
    key: &str,
) -> Result<Option<T>, journal::Error> {
    let found = ledger.get(space, key.as_bytes())?;
    found.map(|value| read(key.as_bytes(), &value)).transpose()
}

/// The record that [`write`] made.
pub(crate) fn read<T: DeserializeOwned>(key: &[u8], value: &[u8]) -> Result<T, journal::Error> {
    match value.split_first() {
        Some((&FORMAT, record)) => {
            journal::read_grown(record).map_err(|error| journal::Error::Damaged {
                what: format!("{} ({error})", String::from_utf8_lossy(key)),
            })
        }
        Some((&found, _)) => Err(journal::Error::Format {
            found,
            known: FORMAT,
        }),
        None => Err(journal::Error::Damaged {
            what: String::from_utf8_lossy(key).into_owned(),
        }),
    }
}
