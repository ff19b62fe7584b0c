//! What the host promises, tried on the real binary: one file per theme.
//!
//! One test binary for all, so that it is linked once.

mod authors;
mod bad_input;
mod booking;
mod clients;
mod configuration;
mod correlation;
mod costs;
mod crash;
mod dead_letters;
mod defects;
mod disk;
mod fair_shares;
mod fuzz;
mod gateway;
mod guests;
mod idempotency;
mod library;
mod load;
mod nats;
mod neighbours;
mod operators;
mod outages;
mod rebuild;
mod reuse;
mod scenario;
mod shutdown;
mod signatures;
mod timers;
mod undoing;
mod uploads;
mod versions;
mod whole_runs;
