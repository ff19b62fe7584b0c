//! The declaration of a context.

use crate::bindings::innkeeper::context::types;
use crate::record::Types;
use crate::{Compensation, Description, Event, Followed, Key, Record, Route, Table, TableReader};

/// What a context keeps and tells is made of: its tables, and the data of its events, as they are told.
#[derive(Default)]
pub struct Shapes {
    types: Types,
    tables: Vec<types::Table>,
    events: Vec<types::EventData>,
}

impl Shapes {
    /// With one more table.
    pub fn with(mut self, table: &impl DescribesTables) -> Self {
        table.describe(&mut self);
        self
    }

    /// With the data of an event that is published, where its type says what it is.
    pub fn publishing<E: Event>(self) -> Self {
        self.event::<E>(None)
    }

    /// With the data of an event that is followed, as much as is read of it, where its type says what it is.
    pub fn following<E: Event>(self, source: &str) -> Self {
        self.event::<E>(Some(source))
    }

    fn event<E: Event>(mut self, source: Option<&str>) -> Self {
        if let Some(value) = E::data_type(&mut self.types) {
            self.events.push(types::EventData {
                source: source.map(Into::into),
                kind: E::KIND.into(),
                value,
            });
        }
        self
    }

    pub(crate) fn add<K: Key, V: Record>(&mut self, table: &TableReader<K, V>) {
        self.tables.push(table.describe(&mut self.types));
    }
}

/// What the `tables` of a context are.
pub trait DescribesTables {
    /// Tells of itself.
    fn describe(&self, shapes: &mut Shapes);
}

impl<K: Key, V: Record> DescribesTables for Table<K, V> {
    fn describe(&self, shapes: &mut Shapes) {
        shapes.add(self);
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
    pub fn describe(&self, shapes: Shapes) -> Description {
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
            types: shapes.types.into_list(),
            tables: shapes.tables,
            events: shapes.events,
            routes: self.routes.iter().map(route).collect(),
            publishes: self.publishes.iter().map(|kind| (*kind).into()).collect(),
            follows: self.follows.iter().map(followed).collect(),
            compensations: self.compensations.iter().map(compensation).collect(),
        }
    }
}
