//! Who answers behind the gateway.

use bytes::Bytes;
use http::Method;

use crate::core::memory::Reservation;
use crate::core::message::{Request, WebAnswer};
use crate::invocation::{Failure, Origin, WebFailure};
use crate::versions::Found;

/// Takes in what the gateway lets through: the host, or a test's stand-in for it.
pub trait Backend: Send + Sync + 'static {
    /// What answers a route.
    type Context: Clone + Send + Sync + 'static;

    /// Looks up who answers a method at a path, as the routes are now; `host` is a name in lower case, without a port.
    fn find(&self, method: &Method, host: Option<&str>, path: &str) -> Found<Self::Context>;

    /// What it answers, as an OpenAPI document in JSON.
    fn openapi(&self) -> Bytes;

    /// Reserves memory for a request's body, in bytes.
    ///
    /// # Errors
    ///
    /// When the host has none left.
    fn reserve(&self, bytes: u64) -> Result<Reservation, Failure>;

    /// Runs a web invocation. `key` is the request's `Idempotency-Key`. The future is dropped when the client goes away.
    fn web(
        &self,
        context: Self::Context,
        request: Request,
        origin: Origin,
        key: Option<String>,
    ) -> impl Future<Output = Result<WebAnswer, WebFailure>> + Send + 'static;
}
