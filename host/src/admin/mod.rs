//! The operators' port: what they look at, and what they change.

mod authorize;
mod backup;
mod caller;
mod commits;
mod config;
mod contexts;
mod dead_letters;
mod events;
mod extract;
pub(crate) mod frame;
mod health;
mod nats;
mod openapi;
mod prefer;
mod problem;
mod rebuild;
mod rollouts;
mod router;
mod sagas;
mod server;
mod state;
mod stories;
#[cfg(test)]
mod tests;
mod token;
mod tokens;
mod undos;
mod uploads;
mod usage;
mod versions;
pub mod view;

pub(crate) use self::server::CONNECTIONS;
pub use self::server::{Admin, AdminError, Bound};
pub use self::token::{Kept, Token};
pub use self::tokens::Tokens;
