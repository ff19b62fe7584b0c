//! What a standard component is to the host. It describes nothing itself, so the manifest says what it answers, and whom it may ask.

use super::gate::{Gate, Refusal};
use crate::guest::{self, DataType, Guest, KEYVALUE_TABLE, KeyPart, Route, Scalar, Table};
use crate::manifest::ContextSettings;
use crate::versions::ALL_OTHERS;

/// What the manifest says of the context that a component is for.
#[derive(Clone, Copy)]
pub(crate) struct Granted<'a> {
    /// The context.
    pub context: &'a str,
    /// Its settings.
    pub settings: &'a ContextSettings,
}

impl Granted<'_> {
    /// Refuses what is imported and not granted.
    pub(super) fn check(self, guest: &Guest) -> Result<(), Refusal> {
        if let Some(import) = guest.asks_outside()
            && self.settings.allow_outbound.is_none()
        {
            return Err(Refusal::at(
                Gate::Imports,
                format!(
                    "it imports `{import}`, which [context.{context}] does not grant; set `allow_outbound` there to whom it may ask, for example `allow_outbound = [\"https://api.example\"]`, or to `[]` where it imports it and asks nobody",
                    context = self.context
                ),
            ));
        }
        Ok(())
    }

    fn routes(self) -> Result<Vec<Route>, Refusal> {
        let named = self.settings.routes.keys();
        let named = named.filter(|route| *route != ALL_OTHERS);
        let routes = named.filter_map(|route| {
            let (method, path) = route.split_once(' ')?;
            Some(Route {
                method: method.to_owned(),
                path: path.to_owned(),
                consumes: None,
            })
        });
        let routes: Vec<_> = routes.collect();
        match routes.is_empty() {
            false => Ok(routes),
            true => Err(Refusal::at(
                Gate::Describe,
                format!(
                    "it is a standard component (`wasi:http`), which describes no routes; say in [context.{context}] which it answers, for example `routes = [\"GET /hello\"]`, or `routes = [\"/*\"]` for all that nobody else answers",
                    context = self.context
                ),
            )),
        }
    }
}

/// What a standard component would say of itself. Where nothing is known of its context it has no routes.
pub(super) fn description(granted: Option<Granted<'_>>) -> Result<guest::Description, Refusal> {
    let buckets = Table {
        name: KEYVALUE_TABLE.to_owned(),
        key: vec![KeyPart::Text, KeyPart::Text],
        value: 0,
    };
    Ok(guest::Description {
        summary: "A standard component (wasi:http).".to_owned(),
        types: vec![DataType::Scalar(Scalar::Bytes)],
        // Also where it opens none: another version may have, and this one leaves those alone.
        tables: vec![buckets],
        routes: granted.map_or(Ok(Vec::new()), Granted::routes)?,
        publishes: Vec::new(),
        follows: Vec::new(),
        compensations: Vec::new(),
        events: Vec::new(),
    })
}
