//! `Idempotency-Key`: a request that is sent again has its effect once, and is given its answer again.
//!
//! `stored_response` says what a request is known by, and keeps its answer for its repeats; `keys_in_progress` has them wait while it runs.

mod keys_in_progress;
mod stored_response;

pub(super) use self::keys_in_progress::{InProgress, KeysInProgress};
pub(super) use self::stored_response::{ResponseKey, formerly_known_by, known_by};
