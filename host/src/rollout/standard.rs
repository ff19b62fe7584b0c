//! What a standard component is to the host. It describes nothing itself, so the manifest says what it answers, and whom it may ask.

use super::refusal::{Gate, Refusal};
use crate::core::ContextName;
use crate::guest::{self, DataType, Guest, KEYVALUE_TABLE, KeyPart, Route, Scalar, Table};
use crate::manifest::ContextSettings;
use crate::versions::ALL_OTHERS;

/// What the manifest says of the context that a component is for.
#[derive(Clone, Copy)]
pub(crate) struct Granted<'a> {
    /// The context.
    pub context: &'a ContextName,
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

/// Refuses buckets in a context that describes itself, and not them: what it wrote there would be written to no table, or to one of another shape.
pub(super) fn check_buckets(guest: &Guest, said: &guest::Description) -> Result<(), Refusal> {
    if !guest.has_buckets() || has_table_of_buckets(said) {
        return Ok(());
    }
    Err(Refusal::at(
        Gate::Imports,
        format!(
            "it imports `wasi:keyvalue`, whose buckets are the table `{KEYVALUE_TABLE}`, which it does not describe; describe it with two texts as its key and bytes as its values, or keep what it has in tables of its own"
        ),
    ))
}

/// The table that the buckets are; its values are of the first type, bytes.
fn table_of_buckets() -> Table {
    Table {
        name: KEYVALUE_TABLE.to_owned(),
        key: vec![KeyPart::Text, KeyPart::Text],
        value: 0,
    }
}

fn has_table_of_buckets(said: &guest::Description) -> bool {
    let mut tables = said.tables.iter();
    tables.any(|table| {
        let value = said.types.get(table.value as usize);
        table.name == KEYVALUE_TABLE
            && matches!(table.key.as_slice(), [KeyPart::Text, KeyPart::Text])
            && matches!(value, Some(DataType::Scalar(Scalar::Bytes)))
    })
}

/// What a standard component would say of itself. Where nothing is known of its context it has no routes.
pub(super) fn description(granted: Option<Granted<'_>>) -> Result<guest::Description, Refusal> {
    let buckets = table_of_buckets();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_a_table_of_one_shape() {
        let described = |table: Table, ty: Scalar| {
            has_table_of_buckets(&guest::Description {
                summary: String::new(),
                types: vec![DataType::Scalar(ty)],
                tables: vec![table],
                routes: Vec::new(),
                publishes: Vec::new(),
                follows: Vec::new(),
                compensations: Vec::new(),
                events: Vec::new(),
            })
        };
        let buckets = table_of_buckets;
        assert!(described(buckets(), Scalar::Bytes));
        assert!(!described(buckets(), Scalar::U64));
        let name = "visits".to_owned();
        assert!(!described(Table { name, ..buckets() }, Scalar::Bytes));
        let key = vec![KeyPart::Text];
        assert!(!described(Table { key, ..buckets() }, Scalar::Bytes));
        let value = 7;
        assert!(!described(Table { value, ..buckets() }, Scalar::Bytes));
    }
}
