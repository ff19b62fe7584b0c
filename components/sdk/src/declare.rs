//! The declaration of a context.

use crate::bindings::innkeeper::context::types;
use crate::record::Types;
use crate::{Compensation, Description, Followed, Key, Record, Route, Table};

/// The tables of a context, as they are told.
#[derive(Default)]
pub struct Tables {
    types: Types,
    tables: Vec<types::Table>,
}

impl Tables {
    /// With one more.
    pub fn with(mut self, table: &impl DescribesTables) -> Self {
        table.describe(&mut self);
        self
    }

    pub(crate) fn add<K: Key, V: Record>(&mut self, table: &Table<K, V>) {
        self.tables.push(table.describe(&mut self.types));
    }
}

/// What the `tables` of a context are.
pub trait DescribesTables {
    /// Tells of itself.
    fn describe(&self, tables: &mut Tables);
}

impl<K: Key, V: Record> DescribesTables for Table<K, V> {
    fn describe(&self, tables: &mut Tables) {
        tables.add(self);
    }
}

/// What [`context!`](crate::context!) was told.
pub struct Declaration {
    /// One sentence for the people who operate it.
    pub summary: &'static str,
    /// Method, path, and the media type that is read.
    pub routes: &'static [(&'static str, &'static str, Option<&'static str>)],
    /// Kinds.
    pub publishes: &'static [&'static str],
    /// Source and kind.
    pub follows: &'static [(&'static str, &'static str)],
    /// A function and what undoes it.
    pub compensations: &'static [(&'static str, &'static str)],
}

impl Declaration {
    /// The same for the host.
    pub fn describe(&self, tables: Tables) -> Description {
        let route = |&(method, path, consumes): &(&str, &str, Option<&str>)| Route {
            method: method.into(),
            path: path.into(),
            consumes: consumes.map(Into::into),
        };
        let followed = |&(source, kind): &(&str, &str)| Followed {
            source: source.into(),
            kind: kind.into(),
        };
        let compensation = |&(function, undo): &(&str, &str)| Compensation {
            function: function.into(),
            undo: undo.into(),
        };
        Description {
            summary: self.summary.into(),
            types: tables.types.into_list(),
            tables: tables.tables,
            routes: self.routes.iter().map(route).collect(),
            publishes: self.publishes.iter().map(|kind| (*kind).into()).collect(),
            follows: self.follows.iter().map(followed).collect(),
            compensations: self.compensations.iter().map(compensation).collect(),
        }
    }
}
