//! The app as the backend of the gateway.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;

use super::Host;
use crate::core::ContextName;
use crate::core::memory::Reservation;
use crate::core::message::{Request, WebAnswer};
use crate::gateway::Backend;
use crate::invocation::{self, Failure, Origin, WebFailure};
use crate::versions::Found;

impl Backend for Arc<Host> {
    type Context = ContextName;

    fn find(&self, method: &Method, host: Option<&str>, path: &str) -> Found<ContextName> {
        let wiring = self.wiring();
        let found = wiring.routes.find(method, host, path);
        // What a context answers that is down is not known: the path may well be one of its, unless another one answers just that.
        let may_be_of_another = match &found {
            Found::Nothing | Found::OtherMethods(_) => true,
            Found::Route(route, _) => route.takes_rest(),
            Found::Down(_) => false,
        };
        if !may_be_of_another {
            return found;
        }
        match wiring.down() {
            Some(down) => Found::Down(down.clone()),
            None => found,
        }
    }

    fn openapi(&self) -> Bytes {
        self.public_document.of(&self.manifest(), &self.wiring())
    }

    fn reserve(&self, bytes: u64) -> Result<Reservation, Failure> {
        Ok(self.invoker.memory.reserve(bytes)?)
    }

    fn web(
        &self,
        context: ContextName,
        request: Request,
        origin: Origin,
        key: Option<String>,
    ) -> impl Future<Output = Result<WebAnswer, WebFailure>> + Send + 'static {
        let invoker = self.invoker.clone();
        async move {
            match invoker.contexts.get(&context) {
                Some(context) => invocation::web(&invoker, &context, request, origin, key).await,
                // A context is known before its routes are, and none is taken out.
                None => Err(WebFailure::from(Failure::NotServing { context })),
            }
        }
    }
}
