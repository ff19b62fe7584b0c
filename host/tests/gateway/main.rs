//! The gateway at a real port, spoken to over real sockets, with a small reception behind it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

mod access_log;
mod answers;
mod client;
mod compression;
mod connections;
mod correlation;
mod cors;
mod forwarded;
mod h2c;
mod heads;
mod idempotency;
mod refusals;
mod shutdown;
mod stub_backend;
