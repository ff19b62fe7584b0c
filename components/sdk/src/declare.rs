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
    pub fn with<K: Key, V: Record>(mut self, table: &Table<K, V>) -> Self {
        self.tables.push(table.describe(&mut self.types));
        self
    }
}

/// What [`context!`](crate::context) was told.
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

/// Declares a context: what it keeps, answers, publishes and follows. Each part but the summary may be left out; the order is fixed.
///
/// ```text
/// innkeeper_sdk::context! {
///     summary: "Rooms that can be booked.",
///     tables: [ROOMS, ENDED],
///     routes: {
///         POST "/rooms" => room::register,
///         GET "/rooms/{id}" => room::show,
///     },
///     publishes: [RoomRegistered],
///     follows: {
///         "reservation": ReservationConfirmed => policy::reserve,
///     },
///     compensations: {
///         "stay:room/rooms@0.1.0": "hold" => "release",
///     },
///     ready: is_ready,
///     live: is_live,
///     schema: { number: 3, reads: [2], migrate: migrate::rows },
/// }
/// ```
///
/// The `tables` are all that it writes to: the host compares what they keep with what there is, before a version serves, and refuses a row of any other table.
///
/// The `schema` is for a context whose state has changed in a way that other versions cannot read (see [`Record`](trait@crate::Record)): its number, the
/// others that it reads as they are, and a function that rewrites entries of any further one (see [`Migration`](crate::Migration)); for a projection instead
/// `rebuild: true`, to be filled anew from the events. Without it the number is 0, and no other is read.
///
/// It makes a type `Component` in the place where it stands, which also implements the interfaces that the context offers to others.
///
/// What is to be done around everything, for example a check of every request, is done by a type that implements [`Context`](crate::Context) by asking
/// `Component`, and is exported in its place: `export: Guarded`, before `schema`.
#[macro_export]
macro_rules! context {
    (
        summary: $summary:expr
        $(, tables: [$($table:path),* $(,)?])?
        $(, routes: { $($method:ident $path:literal => $handler:path),* $(,)? })?
        $(, publishes: [$($published:path),* $(,)?])?
        $(, follows: { $($source:literal: $followed:path => $policy:path),* $(,)? })?
        $(, compensations: { $($interface:literal: $function:literal => $undo:literal),* $(,)? })?
        $(, ready: $ready:path)?
        $(, live: $live:path)?
        $(, export: $export:ident)?
        $(, schema: {
            number: $number:expr
            $(, reads: [$($reads:expr),* $(,)?])?
            $(, migrate: $migrate:path)?
            $(, rebuild: $rebuild:literal)?
            $(,)?
        })?
        $(,)?
    ) => {
        /// The context as the host sees it.
        pub struct Component;

        impl $crate::Context for Component {
            fn describe() -> $crate::Description {
                const DECLARATION: $crate::private::Declaration = $crate::private::Declaration {
                    summary: $summary,
                    routes: &[$($(
                        (stringify!($method), $path, $crate::private::consumes(&$handler)),
                    )*)?],
                    publishes: &[$($(<$published as $crate::Event>::KIND,)*)?],
                    follows: &[$($(($source, <$followed as $crate::Event>::KIND),)*)?],
                    compensations: &[$($(
                        (concat!($interface, "#", $function), concat!($interface, "#", $undo)),
                    )*)?],
                };
                DECLARATION.describe($crate::private::Tables::default()$($(.with(&$table))*)?)
            }

            fn handle(request: &$crate::Request) -> $crate::Answer {
                match (request.method.as_str(), request.route.as_str()) {
                    $($((stringify!($method), $path) => $crate::private::route($handler, request),)*)?
                    (method, route) => Err($crate::Problem::not_found(format!("{method} {route} is not described."))),
                }
            }

            fn on_event(event: $crate::private::Delivered) -> $crate::Outcome {
                match (event.source.as_str(), event.kind.as_str()) {
                    $($(($source, <$followed as $crate::Event>::KIND) => $crate::private::policy::<$followed>($policy, event),)*)?
                    (source, kind) => Err($crate::PolicyError::Reject(format!("{kind} of {source} is not followed"))),
                }
            }

            $(fn ready() -> Result<(), String> {
                $ready()
            })?

            $(fn live() -> Result<(), String> {
                $live()
            })?
        }

        $($(impl $crate::Published for $published {})*)?

        $crate::export!($($export)?);

        $(
            impl $crate::Migration for Component {
                fn schema() -> $crate::StateSchema {
                    const READS: &[u32] = &[$($($reads),*)?];
                    $crate::StateSchema {
                        number: $number,
                        reads: READS.into(),
                        rebuild: false $(|| $rebuild)?,
                    }
                }

                $(fn migrate(from: u32, entry: $crate::Entry) -> Result<Vec<$crate::Entry>, $crate::Fault> {
                    $migrate(from, entry)
                })?
            }

            $crate::evolving::export_migration!(Component with_types_in $crate::evolving);
        )?
    };
}

/// Exports `Component`, or the type that stands in its place.
#[doc(hidden)]
#[macro_export]
macro_rules! export {
    () => {
        $crate::export!(Component);
    };
    ($component:ident) => {
        $crate::bindings::export_context!($component with_types_in $crate::bindings);
    };
}
