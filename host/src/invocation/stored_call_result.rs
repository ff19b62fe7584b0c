//! Answers of calls that are kept under their id, for a repeat. Those of requests are in `idempotency`.

use wasmtime::component::Val;

use super::failure::Failure;
use super::record::{self, StoredCall};
use crate::core::{CallId, ContextName};
use crate::guest::value;
use crate::journal::{self, Ledger, Space, Write};

/// What an earlier run of an invocation has committed.
pub(super) struct Found<A> {
    pub answer: A,
    /// What undoes it, if it is a call that something undoes.
    pub undo: Option<String>,
}

/// What a commit knows of an answer that it keeps.
#[derive(Clone, Copy)]
pub(super) struct CommitDetails<'a> {
    /// When it is committed, in milliseconds since the Unix epoch.
    pub time: u64,
    /// The context whose invocation called, when it is a call from inside.
    pub caller: Option<&'a ContextName>,
    /// What undoes it, if it is a call that something undoes.
    pub undo: Option<&'a str>,
}

/// Where the result of a call is kept, and what it must be the result of.
#[derive(Debug)]
pub(super) struct CallKey {
    pub key: CallId,
    pub interface: String,
    pub function: String,
    /// Encoded.
    pub parameters: Vec<u8>,
}

impl CallKey {
    /// The answer that an earlier run has committed.
    pub(super) fn find(&self, ledger: &Ledger) -> Result<Option<Found<Val>>, Failure> {
        let Some(stored) = record::find::<StoredCall>(ledger, Space::Result, &self.key)? else {
            return Ok(None);
        };
        // The id of a call between contexts comes from these; from outside it is the caller's key.
        if (&stored.interface, &stored.function, &stored.parameters)
            != (&self.interface, &self.function, &self.parameters)
        {
            return Err(Failure::KeyReused);
        }
        let answers = value::decode(&stored.answer);
        let answers = answers.map_err(|error| Failure::Journal {
            reason: error.to_string(),
        })?;
        Ok(answers.into_iter().next().map(|answer| Found {
            answer,
            undo: stored.undo,
        }))
    }

    /// The write that keeps an answer.
    pub(super) fn write(
        &self,
        answer: &Val,
        details: CommitDetails<'_>,
    ) -> Result<Write, journal::Error> {
        let answer = value::encode(std::slice::from_ref(answer)).map_err(|error| {
            journal::Error::Damaged {
                what: error.to_string(),
            }
        })?;
        let stored = StoredCall {
            time: details.time,
            caller: details.caller.cloned(),
            undo: details.undo.map(str::to_owned),
            interface: self.interface.clone(),
            function: self.function.clone(),
            parameters: self.parameters.clone(),
            answer,
        };
        record::write(Space::Result, &self.key, &stored)
    }
}
