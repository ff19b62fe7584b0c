//! The address that a request comes from.

use std::net::IpAddr;

/// The address that a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub IpAddr);
