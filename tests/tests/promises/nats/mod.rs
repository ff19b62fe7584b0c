//! Events on NATS, against a real server.

mod faults;
mod feed;
mod refusals;
