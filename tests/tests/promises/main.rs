//! What the host promises, tried on the real binary: one file per theme.
//!
//! One test binary for all, so that it is linked once.

mod alerts;
mod authors;
mod autoscaling;
mod bad_input;
mod booking;
mod circuit_breaker;
mod clients;
mod configuration;
mod correlation;
mod costs;
mod counters;
mod crash;
mod dead_letters;
mod defects;
mod disk;
mod documents;
mod fair_shares;
mod fuzz;
mod gateway;
mod guests;
mod healing;
mod idempotency;
mod identity;
mod languages;
mod library;
mod load;
mod metrics;
mod nats;
mod neighbours;
mod operators;
mod outages;
mod rebuild;
mod reuse;
mod scenario;
mod schedules;
mod shutdown;
mod signatures;
mod telemetry;
mod timers;
mod tour;
mod undoing;
mod uploads;
mod versions;
mod whole_runs;
