//! Innkeeper: a host for bounded contexts that run as WebAssembly components.

pub mod admin;
pub mod app;
pub mod autoscale;
pub mod build;
pub mod cli;
pub mod config;
pub mod core;
pub mod documents;
pub mod events;
pub mod gateway;
pub mod invocation;
pub mod journal;
pub mod manifest;
pub mod nats;
pub mod observe;
pub mod outbound;
pub mod registry;
pub mod rollout;
pub mod tls;
pub mod versions;

pub use innkeeper_guest as guest;
