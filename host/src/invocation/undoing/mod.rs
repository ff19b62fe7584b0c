//! Undoing: what was called by an invocation that does not commit is recorded to be undone, and undone.
//!
//! `abandonment` records it when an invocation ends, `undo_task` has it done, at once and until it is, `attempt` is one try at one call, and `pauses` says when the
//! next one is. `functions_needed` is what gates count, and `operator_decision` what operators see and decide.

pub(super) mod abandonment;
mod all_calls;
mod attempt;
pub mod compensation;
pub mod functions_needed;
mod one_call;
pub mod operator_decision;
mod pauses;
pub mod undo_task;
mod unreadable;
