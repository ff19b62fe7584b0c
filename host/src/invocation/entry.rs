//! How a guest is entered. Each way in has the answer that belongs to it: a request its response, a call its result, an event what its policy made of it.

use std::future::Future;
use std::hash::Hasher;

use super::failure::Failure;
use super::known_good::Sample;
use super::stored_call_result::{CommitDetails, Found};
use super::unit::UnitOfWork;
use crate::core::{ContextName, CorrelationId};
use crate::guest::{Ended, Execution};
use crate::journal::{self, Ledger, Write};
use crate::manifest::{Limits, RampKey};
use crate::versions::Version;

/// One way into a guest.
pub(super) trait Entry: Send + Sync {
    /// What the guest answers.
    type Answer: Answer;

    /// What decides on which side of a ramp it is.
    fn affinity(&self, key: &RampKey, correlation_id: &CorrelationId) -> String;

    /// Whether a version of `context` answers it.
    fn suits(&self, version: &Version, context: &ContextName) -> Result<(), Failure>;

    /// Says it in the words of the version that is to answer it.
    fn fit(&mut self, _version: &Version) {}

    /// What it is about, roughly: two of the same kind are handled by the same part of a guest.
    fn kind(&self) -> u64;

    /// What it is about, exactly: two with the same fingerprint are the same but for their ids.
    fn fingerprint(&self) -> u64;

    /// The same, to be run again later, if it is not too large to be kept.
    fn sample(&self) -> Option<Sample>;

    /// Enters the guest.
    fn enter(
        &self,
        version: &Version,
        execution: Execution<UnitOfWork>,
    ) -> impl Future<Output = Ended<Self::Answer, UnitOfWork>> + Send;

    /// The answer that an earlier run has committed, if it is kept.
    fn find_stored(&self, _ledger: &Ledger) -> Result<Option<Found<Self::Answer>>, Failure> {
        Ok(None)
    }

    /// The write that keeps an answer for a repeat, if it is one to keep.
    fn store(
        &self,
        _answer: &Self::Answer,
        _details: CommitDetails<'_>,
    ) -> Result<Option<Write>, journal::Error> {
        Ok(None)
    }

    /// Whether a success is kept although it has changed nothing.
    fn keeps_every_success(&self) -> bool {
        false
    }
}

/// What a guest answers to an [`Entry`].
pub(super) trait Answer: Send + Sync {
    /// Whether what was staged is to be committed.
    fn is_success(&self) -> bool;

    /// Whether it is an error of the version that gave it.
    fn is_error(&self) -> bool;

    /// Why nothing is committed, for people.
    fn reason(&self) -> String;

    /// The status of a web response.
    fn status(&self) -> Option<u16> {
        None
    }

    /// Whether it can be given to whoever asked.
    fn check(&self, _limits: &Limits) -> Result<(), Failure> {
        Ok(())
    }
}

/// A number for some parts, each told from the next.
pub(super) fn number_of(parts: &[&[u8]]) -> u64 {
    let mut hasher = twox_hash::XxHash64::with_seed(0);
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    hasher.finish()
}
