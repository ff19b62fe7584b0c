//! The operators' port: what they look at, and what they change.

mod acting;
mod audit;
mod authorize;
mod backup;
mod caller;
mod commits;
mod config;
mod contexts;
mod dead_letters;
mod events;
mod extract;
mod floor;
pub(crate) mod frame;
mod guesses;
mod health;
mod nats;
mod openapi;
mod origin;
mod prefer;
mod problem;
mod rebuild;
mod redaction;
mod reload;
mod retries;
mod rollouts;
mod router;
mod sagas;
mod server;
mod session;
mod state;
mod stories;
pub mod story;
#[cfg(test)]
mod tests;
pub(crate) mod tls;
mod token;
mod tokens;
mod undos;
mod uploads;
mod usage;
mod versions;
pub mod view;
pub(crate) mod wire;

pub use self::audit::{
    Audit, Line as AuditLine, NotWhole, Verifier as AuditVerifier, What as Audited, audit_files,
};
pub use self::reload::TokenSources;
pub(crate) use self::server::CONNECTIONS;
pub use self::server::{Access, Admin, AdminError, Bound};
pub use self::tls::{Tls, TlsError};
pub use self::token::{Kept, Token};
pub use self::tokens::Tokens;
