//! The imports, played in memory: one world per thread, so tests run side by side.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::Emitted;

/// What an invocation may change: kept apart, so that a failed one leaves nothing.
#[derive(Default, Clone)]
pub(crate) struct Stage {
    pub(crate) state: BTreeMap<String, Vec<u8>>,
    pub(crate) events: Vec<Emitted>,
}

#[derive(Default)]
pub(crate) struct World {
    pub(crate) stage: Stage,
    pub(crate) sequences: BTreeMap<String, u64>,
    pub(crate) config: BTreeMap<String, String>,
    /// The tables that the context describes.
    pub(crate) tables: Vec<String>,
    /// Whether an invocation of the context runs: it writes to no other table.
    pub(crate) runs: bool,
    pub(crate) now: u64,
    pub(crate) ids: u64,
    pub(crate) log: Vec<String>,
}

impl World {
    fn next(&mut self) -> String {
        self.ids += 1;
        format!("{:032x}", self.ids)
    }
}

thread_local!(static WORLD: RefCell<World> = RefCell::default());

pub(crate) fn with<T>(use_it: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(use_it)
}

pub(crate) mod state {
    use std::ops::Bound;

    use crate::Entry;

    pub(crate) fn get(key: &str) -> Option<Vec<u8>> {
        super::with(|world| world.stage.state.get(key).cloned())
    }

    pub(crate) fn put(key: &str, value: &[u8]) {
        super::with(|world| {
            let table = key.split('/').next().unwrap_or_default();
            assert!(
                !world.runs || world.tables.iter().any(|known| known == table),
                "{table} is not one of the context's `tables`"
            );
            world.stage.state.insert(key.into(), value.into())
        });
    }

    pub(crate) fn delete(key: &str) {
        super::with(|world| world.stage.state.remove(key));
    }

    pub(crate) fn scan(start: &str, end: &str, limit: u32, reverse: bool) -> Vec<Entry> {
        if !end.is_empty() && end <= start {
            return Vec::new();
        }
        let limit = if limit == 0 { 10_000 } else { limit as usize };
        let end = if end.is_empty() {
            Bound::Unbounded
        } else {
            Bound::Excluded(end)
        };
        super::with(|world| {
            let range = world
                .stage
                .state
                .range::<str, _>((Bound::Included(start), end))
                .map(|(key, value)| Entry {
                    key: key.clone(),
                    value: value.clone(),
                });
            if reverse {
                range.rev().take(limit).collect()
            } else {
                range.take(limit).collect()
            }
        })
    }

    pub(crate) fn count(start: &str, end: &str) -> u64 {
        if !end.is_empty() && end <= start {
            return 0;
        }
        let end = if end.is_empty() {
            Bound::Unbounded
        } else {
            Bound::Excluded(end)
        };
        super::with(|world| {
            world
                .stage
                .state
                .range::<str, _>((Bound::Included(start), end))
                .count() as u64
        })
    }

    pub(crate) fn next_sequence(name: &str) -> u64 {
        super::with(|world| {
            let last = world.sequences.entry(name.into()).or_default();
            *last += 1;
            *last
        })
    }
}

pub(crate) mod outbox {
    use super::Emitted;

    pub(crate) fn emit(kind: &str, subject: &str, data: &[u8]) -> String {
        stage(None, kind, subject, data)
    }

    pub(crate) fn emit_after(delay_ms: u64, kind: &str, subject: &str, data: &[u8]) -> String {
        stage(Some(delay_ms), kind, subject, data)
    }

    pub(crate) fn cancel(id: &str) -> bool {
        super::with(|world| {
            let before = world.stage.events.len();
            world
                .stage
                .events
                .retain(|event| event.delay_ms.is_none() || event.id != id);
            world.stage.events.len() < before
        })
    }

    fn stage(delay_ms: Option<u64>, kind: &str, subject: &str, data: &[u8]) -> String {
        super::with(|world| {
            let id = world.next();
            let data = serde_json::from_slice(data).unwrap_or_default();
            world.stage.events.push(Emitted {
                id: id.clone(),
                kind: kind.into(),
                subject: subject.into(),
                data,
                delay_ms,
            });
            id
        })
    }
}

pub(crate) mod invocation {
    pub(crate) fn id() -> String {
        "test".into()
    }

    pub(crate) fn correlation_id() -> String {
        "test".into()
    }

    pub(crate) fn causation_id() -> String {
        String::new()
    }

    pub(crate) fn attempt() -> u32 {
        1
    }

    pub(crate) fn now() -> u64 {
        super::with(|world| world.now)
    }

    pub(crate) fn new_id() -> String {
        super::with(super::World::next)
    }
}

pub(crate) mod store {
    pub(crate) fn get(key: &str) -> Result<Option<String>, std::convert::Infallible> {
        Ok(super::with(|world| world.config.get(key).cloned()))
    }
}

pub(crate) mod logging {
    pub use crate::bindings::wasi::logging::logging::Level;

    pub fn log(level: Level, group: &str, message: &str) {
        super::with(|world| world.log.push(format!("{level:?} {group}: {message}")));
    }
}
