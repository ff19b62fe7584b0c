//! A context under test, without a host: its exports run in this process against a state in memory.
//!
//! ```text
//! let guest = Guest::<Component>::new();
//! assert_eq!(guest.post("/rooms", json!({"desc": "Quiet"})).status, 201);
//! assert_eq!(guest.events()[0].kind, "RoomRegistered");
//! ```
//!
//! What fails leaves nothing, as in the host; conflicts, limits, deliveries and calls to other contexts are the host's and are not played here.

pub(crate) mod host;

use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde_json::Value;

use crate::bindings::innkeeper::context::types::Event as Delivered;
use crate::evolving::exports::innkeeper::context::migration;
use crate::{Answer, Context, Description, Entry, Migration, Outcome, Problem, Request, Response};

/// A context under test. Each thread has one world: making a guest empties it.
pub struct TestContext<C>(PhantomData<C>);

/// An event, or with a delay a timer, that the context has emitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Emitted {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// What it carries.
    pub data: Value,
    /// The delay of a timer in milliseconds.
    pub delay_ms: Option<u64>,
}

/// What the context answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body; null when there is none.
    pub body: Value,
}

impl Reply {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Stands for no context: to test what only uses the state.
pub struct Bare;

impl Context for Bare {
    fn describe() -> Description {
        Description {
            summary: String::new(),
            types: vec![],
            tables: vec![],
            routes: vec![],
            publishes: vec![],
            follows: vec![],
            compensations: vec![],
        }
    }

    fn handle(_: &Request) -> Answer {
        Err(Problem::not_found("a bare guest answers nothing"))
    }

    fn on_event(_: Delivered) -> Outcome {
        Ok(())
    }
}

impl TestContext<Bare> {
    /// A world without a context.
    pub fn bare() -> Self {
        Self::new()
    }
}

impl<C: Context> TestContext<C> {
    /// The context in an empty world. An invocation that writes to a table that it does not describe panics.
    #[expect(
        clippy::new_without_default,
        reason = "it empties the thread's world, which a default should not"
    )]
    pub fn new() -> Self {
        let tables = C::describe().tables.into_iter();
        let tables = tables.map(|table| table.name).collect();
        host::with(|world| {
            *world = host::World {
                tables,
                ..host::World::default()
            };
        });
        Self(PhantomData)
    }

    /// Sets a configuration value.
    pub fn configure(&self, key: &str, value: &str) {
        host::with(|world| world.config.insert(key.into(), value.into()));
    }

    /// Sets the time.
    pub fn set_time(&self, ms: u64) {
        host::with(|world| world.now = ms);
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Reply {
        self.request("GET", path, b"")
    }

    /// `POST` with a JSON body.
    pub fn post(&self, path: &str, body: Value) -> Reply {
        self.request("POST", path, body.to_string().as_bytes())
    }

    /// `PATCH` with a JSON body.
    pub fn patch(&self, path: &str, body: Value) -> Reply {
        self.request("PATCH", path, body.to_string().as_bytes())
    }

    /// `DELETE`.
    pub fn delete(&self, path: &str) -> Reply {
        self.request("DELETE", path, b"")
    }

    /// Any request; 404 when no described route matches it.
    pub fn request(&self, method: &str, target: &str, body: &[u8]) -> Reply {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let matching = C::describe()
            .routes
            .into_iter()
            .filter(|route| route.method == method)
            .find_map(|route| Some((parameters(&route.path, path)?, route.path)));
        let response = match matching {
            None => Response::from(Problem::not_found(format!(
                "{method} {path} is not described."
            ))),
            Some((parameters, route)) => {
                let query = query
                    .split('&')
                    .filter_map(|pair| pair.split_once('='))
                    .map(|(key, value)| (key.into(), value.into()))
                    .collect();
                let request = Request {
                    method: method.into(),
                    route,
                    path: path.into(),
                    parameters,
                    query,
                    headers: Vec::new(),
                    body: body.into(),
                };
                commit_if(
                    || C::handle(&request).unwrap_or_else(Response::from),
                    |response| response.status < 400,
                )
            }
        };
        Reply {
            status: response.status,
            headers: response.headers,
            body: serde_json::from_slice(&response.body).unwrap_or_default(),
        }
    }

    /// Delivers an event.
    ///
    /// # Errors
    /// What the policy ended with.
    pub fn deliver(&self, source: &str, kind: &str, subject: &str, data: Value) -> Outcome {
        let event = Delivered {
            id: crate::invocation::new_id(),
            kind: kind.into(),
            source: source.into(),
            subject: subject.into(),
            time: crate::invocation::now(),
            content_type: "application/json".into(),
            data: data.to_string().into_bytes(),
            correlation_id: "test".into(),
            causation_id: "test".into(),
            extensions: Vec::new(),
        };
        commit_if(|| C::on_event(event), Result::is_ok)
    }

    /// Runs a function that the context offers to others.
    ///
    /// # Errors
    /// What the function ended with.
    pub fn call<T, E>(&self, function: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        commit_if(function, Result::is_ok)
    }

    /// Runs anything in the guest's world.
    pub fn run<T>(&self, anything: impl FnOnce() -> T) -> T {
        anything()
    }

    /// The events and timers that were emitted since the last time it was asked.
    pub fn events(&self) -> Vec<Emitted> {
        host::with(|world| std::mem::take(&mut world.stage.events))
    }

    /// The lines that were logged since the last time it was asked.
    pub fn log(&self) -> Vec<String> {
        host::with(|world| std::mem::take(&mut world.log))
    }
}

impl<C: Context + Migration> TestContext<C> {
    /// Migrates the state, as the host does before this version replaces one of the schema `from`.
    ///
    /// # Errors
    /// What the migration ended with, or the key that two entries resulted in; then the state stays as it was.
    pub fn migrate(&self, from: u32) -> Result<(), String> {
        let entries = host::with(|world| world.stage.state.clone());
        let entries = entries
            .into_iter()
            .map(|(key, value)| Entry { key, value })
            .collect();
        let mut migrated = BTreeMap::new();
        for Entry { key, value } in <C as migration::Guest>::migrate(from, entries)?
            .into_iter()
            .flatten()
        {
            if migrated.insert(key.clone(), value).is_some() {
                return Err(format!("two entries result in {key}"));
            }
        }
        host::with(|world| world.stage.state = migrated);
        Ok(())
    }
}

/// Runs an invocation; what it staged stays only when it ended well.
fn commit_if<T>(invocation: impl FnOnce() -> T, well: impl FnOnce(&T) -> bool) -> T {
    let before = host::with(|world| {
        world.runs = true;
        world.stage.clone()
    });
    let end = invocation();
    host::with(|world| {
        world.runs = false;
        if !well(&end) {
            world.stage = before;
        }
    });
    end
}

fn parameters(route: &str, path: &str) -> Option<Vec<(String, String)>> {
    let mut parameters = Vec::new();
    let mut segments = path.split('/');
    for wanted in route.split('/') {
        let segment = segments.next()?;
        match wanted
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        {
            Some(name) if !segment.is_empty() => parameters.push((name.into(), segment.into())),
            None if segment == wanted => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(parameters)
}
