//! The imports, played in memory.

pub(crate) mod state {
    use crate::Entry;
    use crate::testing::simulation::with;

    pub(crate) fn get(key: &str) -> Option<Vec<u8>> {
        with(|simulation| simulation.get(key))
    }

    pub(crate) fn put(key: &str, value: &[u8]) {
        with(|simulation| simulation.put(key, Some(value.into())));
    }

    pub(crate) fn add(key: &str, delta: i64) {
        with(|simulation| simulation.add(key, delta));
    }

    pub(crate) fn delete(key: &str) {
        with(|simulation| simulation.put(key, None));
    }

    pub(crate) fn scan(start: &str, end: &str, limit: u32, reverse: bool) -> Vec<Entry> {
        let limit = if limit == 0 { 10_000 } else { limit as usize };
        let entries = with(|simulation| simulation.range(start, end));
        let entries = entries.into_iter().map(|(key, value)| Entry { key, value });
        if reverse {
            entries.rev().take(limit).collect()
        } else {
            entries.take(limit).collect()
        }
    }

    pub(crate) fn count(start: &str, end: &str) -> u64 {
        with(|simulation| simulation.range(start, end)).len() as u64
    }

    pub(crate) fn next_sequence(name: &str) -> u64 {
        with(|simulation| simulation.draw(name))
    }
}

pub(crate) mod outbox {
    use crate::testing::simulation::with;

    pub(crate) fn emit(kind: &str, subject: &str, data: &[u8]) -> String {
        with(|simulation| simulation.emit(None, kind, subject, data))
    }

    pub(crate) fn emit_after(delay_ms: u64, kind: &str, subject: &str, data: &[u8]) -> String {
        with(|simulation| simulation.emit(Some(delay_ms), kind, subject, data))
    }

    pub(crate) fn cancel(id: &str) -> bool {
        with(|simulation| simulation.cancel(id))
    }
}

pub(crate) mod invocation {
    use crate::bindings::innkeeper::context::invocation::VerifiedIdentity;
    use crate::testing::simulation::with;

    pub(crate) fn id() -> String {
        with(|simulation| simulation.invocation_id())
    }

    pub(crate) fn correlation_id() -> String {
        with(|simulation| simulation.correlation_id())
    }

    pub(crate) fn causation_id() -> String {
        with(|simulation| simulation.causation_id())
    }

    pub(crate) fn attempt() -> u32 {
        with(|simulation| simulation.attempt())
    }

    pub(crate) fn now() -> u64 {
        with(|simulation| simulation.now)
    }

    pub(crate) fn identity() -> Option<VerifiedIdentity> {
        with(|simulation| simulation.identity()).map(Into::into)
    }

    pub(crate) fn new_id() -> String {
        with(|simulation| simulation.new_id())
    }
}

pub(crate) mod store {
    use crate::testing::simulation::with;

    pub(crate) fn get(key: &str) -> Result<Option<String>, std::convert::Infallible> {
        Ok(with(|simulation| {
            simulation.current().config.get(key).cloned()
        }))
    }

    pub(crate) fn get_all() -> Result<Vec<(String, String)>, std::convert::Infallible> {
        let config = with(|simulation| simulation.current().config.clone());
        Ok(config.into_iter().collect())
    }
}

pub(crate) mod logging {
    use crate::testing::simulation::with;

    pub use crate::bindings::wasi::logging::logging::Level;

    pub fn log(level: Level, group: &str, message: &str) {
        let line = format!("{level:?} {group}: {message}");
        with(|simulation| simulation.current().log.push(line));
    }
}
