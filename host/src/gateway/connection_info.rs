//! The connection that a request came by.

use std::net::IpAddr;

use tokio_util::sync::CancellationToken;

use super::connection_state::ConnectionState;

/// The connection that a request came by.
#[derive(Clone, Copy)]
pub(super) struct ConnectionInfo<'a> {
    /// Whom it is with.
    pub(super) peer: IpAddr,
    pub(super) over_tls: bool,
    pub(super) state: &'a ConnectionState,
    /// Cancelled when the host closes it without waiting for what runs.
    pub(super) forced: &'a CancellationToken,
}
