//! The operators' port: what they look at, and what they change.

mod audit;
mod authorize;
mod autoscalers;
mod backup;
pub(crate) mod backup_framing;
mod caller;
mod callers;
mod commits;
mod config;
mod contexts;
mod dead_letters;
mod documents;
mod error;
mod events;
mod extract;
mod fault;
mod floor;
mod graph;
mod health;
mod interrupted;
mod liveness;
mod nats;
mod openapi;
mod origin;
mod peer;
mod prefer;
mod problem;
mod rebuild;
mod redaction;
mod retries;
mod rollouts;
mod router;
mod sagas;
mod scrape;
mod server;
mod session;
mod state;
mod stories;
pub mod story;
#[cfg(test)]
mod tests;
mod token;
mod token_reload;
mod token_throttle;
mod tokens;
mod undos;
mod uploads;
mod usage;
mod versions;
pub mod view;

pub use self::audit::{
    Audit, Line as AuditLine, NotWhole, Verifier as AuditVerifier, What as Audited, audit_files,
};
pub use self::error::AdminError;
pub use self::scrape::take_levels;
pub(crate) use self::server::CONNECTIONS;
pub use self::server::{Access, Admin, Bound};
pub use self::token::{Kept, Token};
pub use self::token_reload::TokenSources;
pub use self::tokens::Tokens;
