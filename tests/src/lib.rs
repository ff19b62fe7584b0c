//! What the end-to-end tests share: a host of their own, guests to try it with, and eyes for what must never be seen.
//!
//! Every test starts the real `innkeeper serve`, on free ports, with a directory and a manifest of its own, and talks to it as its users do.

pub mod artifacts;
mod authority;
mod book;
mod client;
pub mod collector;
mod eventually;
mod flood;
mod gallery;
pub mod http2;
mod issuer;
pub mod journal;
mod left_out;
mod load;
mod machine;
mod manifest;
mod measurement;
pub mod nats;
mod new_app;
mod operators;
mod process;
mod raw;
pub mod registry;
mod shop;
pub mod siege;
mod stay;
mod test_host;
mod tls;
pub mod tour;

pub use authority::{Authority, Certified};
pub use book::{Book, violations};
pub use client::{Client, Reply, http_client, send, try_send};
pub use eventually::{eventually, within};
pub use flood::{Answered, Flooded, Traffic, flood, p99, request};
pub use gallery::{Case, Gate, in_a_mood};
pub use http2::Http2;
pub use issuer::{Issuer, KeyServer};
pub use left_out::is_left_out;
pub use load::{Load, Record};
pub use manifest::Settings;
pub use measurement::holds_once;
pub use new_app::{NewApp, Up};
pub use operators::Operators;
pub use process::{Said, command, command_with, command_within, many_descriptors, processor_time};
pub use raw::{exchange, raw};
pub use shop::{Books, Purchases, Shop, imbalances};
pub use siege::{Siege, siege};
pub use stay::Stay;
pub use test_host::{Opening, TestHost};
pub use tls::TlsClient;
