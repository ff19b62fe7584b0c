//! The binary, as operators use it: its command line, and the operators' port of a running app.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

mod commands;
mod compiling;
mod events;
mod looking;
mod roles;
mod rollouts;
mod sign;
mod stopping;
mod test_host;
mod token;
mod usage;
