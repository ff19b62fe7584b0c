//! Events on NATS, against a real server.

pub mod calls;
mod chains;
mod fairness;
mod faults;
mod feed;
mod formats;
mod malformed;
mod outside;
mod refusals;
mod relay;
mod streams;
mod subjects;
mod subscribers;
mod tls;
