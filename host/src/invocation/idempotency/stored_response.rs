//! What a request with an `Idempotency-Key` is known by, and the answer that its repeats are given again.

use crate::core::message::Response;
use crate::core::{VerifiedIdentity, digest};
use crate::invocation::failure::Failure;
use crate::invocation::record::{self, StoredResponse};
use crate::invocation::stored_call_result::{CommitDetails, Found};
use crate::journal::{self, Ledger, Space, Write};

/// What the repeats of a request are known by: nobody is given the answer to somebody else's request, or waits for that.
pub(in crate::invocation) fn known_by(key: &str, identity: Option<&VerifiedIdentity>) -> String {
    let key = key.as_bytes();
    let digest = match identity.map(VerifiedIdentity::person) {
        None => digest(&[key]),
        Some([issuer, subject]) => digest(&[issuer, subject, key]),
    };
    format!("key:{digest}")
}

/// What they were known by to a host that did not know who had sent a request: what it has answered is answered again, and not done twice. It is the name that
/// requests of nobody in particular still have, so for those there is no other.
pub(in crate::invocation) fn formerly_known_by(
    key: &str,
    identity: Option<&VerifiedIdentity>,
) -> Option<String> {
    identity.map(|_| known_by(key, None))
}

/// Where the response to a request with an `Idempotency-Key` is kept, and what it must be the response to.
#[derive(Debug)]
pub(in crate::invocation) struct ResponseKey {
    pub key: String,
    /// What an earlier host would have kept it under, where that is another name.
    pub former: Option<String>,
    pub fingerprint: String,
    /// The fingerprint that an earlier host gave the request, which took each spelling of its path for another one; where that is another.
    pub former_fingerprint: Option<String>,
}

impl ResponseKey {
    /// The response that an earlier run has committed.
    pub(in crate::invocation) fn find(
        &self,
        ledger: &Ledger,
    ) -> Result<Option<Found<Response>>, Failure> {
        let find = |key| record::find::<StoredResponse>(ledger, Space::Result, key);
        let stored = match (find(&self.key)?, &self.former) {
            (None, Some(former)) => find(former)?,
            (found, _) => found,
        };
        let Some(stored) = stored else {
            return Ok(None);
        };
        let is_same = stored.fingerprint == self.fingerprint
            || self.former_fingerprint.as_ref() == Some(&stored.fingerprint);
        if !is_same {
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
    pub(in crate::invocation) fn write(
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
    use crate::journal::{Committer, Durability, MemoryStore, Options, Unit};

    fn key(name: &str, identity: Option<&VerifiedIdentity>, fingerprint: &str) -> ResponseKey {
        ResponseKey {
            key: known_by(name, identity),
            former: formerly_known_by(name, identity),
            fingerprint: fingerprint.to_owned(),
            former_fingerprint: None,
        }
    }

    #[test]
    fn each_has_keys_of_his_own() {
        let [alice, bob] = ["alice", "bob"].map(VerifiedIdentity::of);
        let keys = [None, Some(&alice), Some(&bob)].map(|identity| known_by("a", identity));
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
        assert_eq!(keys[1], known_by("a", Some(&VerifiedIdentity::of("alice"))));
        assert_ne!(keys[1], known_by("b", Some(&alice)));
        // An earlier host told nobody from anybody.
        assert_eq!(
            formerly_known_by("a", Some(&alice)).as_ref(),
            Some(&keys[0])
        );
        assert_eq!(formerly_known_by("a", None), None);
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
        // It had another fingerprint for each spelling of a path.
        let spelled = |former: &str| ResponseKey {
            former_fingerprint: Some(former.to_owned()),
            ..key("a", None, "2")
        };
        assert_eq!(status(spelled("1")), Ok(Some(201)));
        assert_eq!(status(spelled("3")), Err(true));
        // What is answered now is each one's own.
        keep(key("b", Some(&alice), "1"), 202).await;
        assert_eq!(status(key("b", Some(&alice), "1")), Ok(Some(202)));
        assert_eq!(status(key("b", Some(&bob), "1")), Ok(None));
        assert_eq!(status(key("b", None, "1")), Ok(None));
    }
}
