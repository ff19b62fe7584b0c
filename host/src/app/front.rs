//! The app as the gateway sees it.

use std::sync::Arc;

use http::Method;

use super::Host;
use crate::gateway::{Found, Reception};
use crate::invocation::{self, Failure, Origin, Request, WebAnswer};
use crate::memory::Reservation;

impl Reception for Arc<Host> {
    type Context = Arc<str>;

    fn find(&self, method: &Method, path: &str) -> Found<Arc<str>> {
        self.wiring().routes.find(method, path)
    }

    fn reserve(&self, bytes: u64) -> Result<Reservation, Failure> {
        Ok(self.memory.reserve(bytes)?)
    }

    fn web(
        &self,
        context: Arc<str>,
        request: Request,
        origin: Origin,
        key: Option<String>,
    ) -> impl Future<Output = Result<WebAnswer, Failure>> + Send + 'static {
        let host = self.clone();
        async move {
            match host.context(&context) {
                Some(context) => invocation::web(&host, context, request, origin, key).await,
                // The table names contexts of this app, which has the same ones all its life.
                None => Err(Failure::NotServing {
                    context: context.to_string(),
                }),
            }
        }
    }
}
