//! Answers that are kept for a repeat: of calls under their id, of requests under their `Idempotency-Key`.

use super::attempts::Answer;
use super::definition::{Invocation, ResultStore};
use super::failure::Failure;
use super::record::{self, StoredCall, StoredResponse};
use crate::core::message::Response;
use crate::guest::value;
use crate::journal::{self, Space, Write};

/// What an earlier run of this invocation has committed.
pub(super) struct Found {
    pub answer: Answer,
    /// What undoes it, if it is a call that something undoes.
    pub undo: Option<String>,
}

/// The answer that an earlier run of this invocation has committed.
pub(super) fn find(invocation: &Invocation) -> Result<Option<Found>, Failure> {
    let ledger = &invocation.context.ledger;
    match &invocation.keep {
        ResultStore::Nowhere => Ok(None),
        ResultStore::Call {
            key,
            interface,
            function,
            parameters,
        } => {
            let Some(stored) = record::find::<StoredCall>(ledger, Space::Result, key)? else {
                return Ok(None);
            };
            // The id of a call between contexts comes from these; from outside it is the caller's key.
            if (&stored.interface, &stored.function, &stored.parameters)
                != (interface, function, parameters)
            {
                return Err(Failure::KeyReused);
            }
            let answers = value::decode(&stored.answer);
            let answers = answers.map_err(|error| Failure::Journal {
                reason: error.to_string(),
            })?;
            Ok(answers.into_iter().next().map(|answer| Found {
                answer: Answer::Call(answer),
                undo: stored.undo,
            }))
        }
        ResultStore::Response { key, fingerprint } => {
            let Some(stored) = record::find::<StoredResponse>(ledger, Space::Result, key)? else {
                return Ok(None);
            };
            if stored.fingerprint != *fingerprint {
                return Err(Failure::KeyReused);
            }
            let response = Response {
                status: stored.status,
                headers: stored.headers,
                body: stored.body.into(),
            };
            Ok(Some(Found {
                answer: Answer::Web(response),
                undo: None,
            }))
        }
    }
}

/// The write that keeps an answer, if it is one to keep.
pub(super) fn write(
    invocation: &Invocation,
    undo: Option<&str>,
    answer: &Answer,
    time: u64,
) -> Result<Option<Write>, journal::Error> {
    Ok(match (&invocation.keep, answer) {
        (
            ResultStore::Call {
                key,
                interface,
                function,
                parameters,
            },
            Answer::Call(answer),
        ) => {
            let answer = value::encode(std::slice::from_ref(answer)).map_err(|error| {
                journal::Error::Damaged {
                    what: error.to_string(),
                }
            })?;
            let stored = StoredCall {
                time,
                caller: invocation.caller.clone(),
                undo: undo.map(str::to_owned),
                interface: interface.clone(),
                function: function.clone(),
                parameters: parameters.clone(),
                answer,
            };
            Some(record::write(Space::Result, key, &stored)?)
        }
        (ResultStore::Response { key, fingerprint }, Answer::Web(response)) => {
            let stored = StoredResponse {
                time,
                fingerprint: fingerprint.clone(),
                status: response.status,
                headers: response.headers.clone(),
                body: response.body.to_vec(),
            };
            Some(record::write(Space::Result, key, &stored)?)
        }
        _ => None,
    })
}
