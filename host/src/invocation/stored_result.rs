//! Answers that are kept for a repeat: of calls under their id, of requests under their `Idempotency-Key`.

use wasmtime::component::Val;

use super::failure::Failure;
use super::record::{self, StoredCall, StoredResponse};
use crate::core::message::Response;
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

/// Where the response to a request with an `Idempotency-Key` is kept, and what it must be the response to.
#[derive(Debug)]
pub(super) struct ResponseKey {
    pub key: String,
    /// What an earlier host would have kept it under, where that is another name.
    pub former: Option<String>,
    pub fingerprint: String,
}

impl ResponseKey {
    /// The response that an earlier run has committed.
    pub(super) fn find(&self, ledger: &Ledger) -> Result<Option<Found<Response>>, Failure> {
        let find = |key| record::find::<StoredResponse>(ledger, Space::Result, key);
        let stored = match (find(&self.key)?, &self.former) {
            (None, Some(former)) => find(former)?,
            (found, _) => found,
        };
        let Some(stored) = stored else {
            return Ok(None);
        };
        if stored.fingerprint != self.fingerprint {
            return Err(Failure::KeyReused);
        }
        let answer = Response {
            status: stored.status,
            headers: stored.headers,
            body: stored.body.into(),
        };
        Ok(Some(Found { answer, undo: None }))
    }

    /// The write that keeps a response.
    pub(super) fn write(
        &self,
        response: &Response,
        details: CommitDetails<'_>,
    ) -> Result<Write, journal::Error> {
        let stored = StoredResponse {
            time: details.time,
            fingerprint: self.fingerprint.clone(),
            status: response.status,
            headers: response.headers.clone(),
            body: response.body.to_vec(),
        };
        record::write(Space::Result, &self.key, &stored)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::VerifiedIdentity;
    use crate::invocation::idempotency_key::{formerly_known_by, known_by};
    use crate::journal::{Committer, Durability, MemoryStore, Options, Unit};

    fn key(name: &str, identity: Option<&VerifiedIdentity>, fingerprint: &str) -> ResponseKey {
        ResponseKey {
            key: known_by(name, identity),
            former: formerly_known_by(name, identity),
            fingerprint: fingerprint.to_owned(),
        }
    }

    #[tokio::test]
    async fn what_an_earlier_host_has_answered_is_answered_again() {
        let committer = Committer::start(Arc::new(MemoryStore::new()), Options::default()).unwrap();
        let ledger = committer.open("room", Durability::Relaxed).unwrap();
        let [alice, bob] = ["alice", "bob"].map(VerifiedIdentity::of);
        let keep = async |key: ResponseKey, status| {
            let response = Response {
                status,
                headers: Vec::new(),
                body: Default::default(),
            };
            let details = CommitDetails {
                time: 1,
                caller: None,
                undo: None,
            };
            let write = key.write(&response, details).unwrap();
            let unit = Unit::bookkeeping("test", ledger.applied(), vec![write]);
            ledger.commit(unit).await.unwrap();
        };
        let status = |key: ResponseKey| {
            let found = key
                .find(&ledger)
                .map(|found| found.map(|it| it.answer.status));
            found.map_err(|failure| matches!(failure, Failure::KeyReused))
        };
        // An earlier host knew nobody.
        keep(key("a", None, "1"), 201).await;
        assert_eq!(status(key("a", Some(&alice), "1")), Ok(Some(201)));
        assert_eq!(status(key("a", Some(&alice), "2")), Err(true));
        assert_eq!(status(key("b", Some(&alice), "1")), Ok(None));
        // What is answered now is each one's own.
        keep(key("b", Some(&alice), "1"), 202).await;
        assert_eq!(status(key("b", Some(&alice), "1")), Ok(Some(202)));
        assert_eq!(status(key("b", Some(&bob), "1")), Ok(None));
        assert_eq!(status(key("b", None, "1")), Ok(None));
    }
}
