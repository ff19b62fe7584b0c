//! Events on NATS, against a real server.

mod calls;
mod chains;
mod faults;
mod feed;
mod outside;
mod refusals;
mod subscribers;
mod tls;
