//! Followers, timers, dead letters, rebuilds and sagas, with real guests in a host of their own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

mod followers;
mod letters;
mod nested;
mod rebuild;
mod sagas;
mod stories;
mod test_host;
