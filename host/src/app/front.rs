//! The app as the gateway sees it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::Guard;

use super::{Context, Host};
use crate::gateway::{Offer, Reception, RouteError, Routes};
use crate::invocation::{self, Failure, Origin, Request, WebAnswer};

/// The table of what the contexts' versions describe.
pub(super) fn routes(
    contexts: &BTreeMap<String, Arc<Context>>,
) -> Result<Routes<Arc<Context>>, RouteError> {
    let serving: Vec<_> = contexts
        .values()
        .filter_map(|context| Some((context, context.version()?)))
        .collect();
    Routes::build(serving.iter().map(|(context, version)| Offer {
        context: Arc::clone(context),
        name: &context.name,
        request_limit: context.settings.limits.request,
        routes: &version.description.routes,
    }))
}

impl Reception for Arc<Host> {
    type Context = Arc<Context>;

    fn routes(&self) -> Guard<Arc<Routes<Arc<Context>>>> {
        self.routes.load()
    }

    fn web(
        &self,
        context: Arc<Context>,
        request: Request,
        origin: Origin,
        key: Option<String>,
    ) -> impl Future<Output = Result<WebAnswer, Failure>> + Send + 'static {
        let host = self.clone();
        async move { invocation::web(&host, &context, request, origin, key).await }
    }
}
