//! What an engine does with a damaged file, kept from its callers: a panic inside it is an error with a name.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use super::Error;

/// How sled names its threads.
const ENGINE_THREADS: &str = "sled-";

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Calls the engine. A panic, which an engine that trusts its files has when they are damaged, becomes an error.
pub(super) fn guarded<T>(
    doing: &'static str,
    call: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    let before = GUARDED.replace(true);
    let called = panic::catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(before);
    called.unwrap_or_else(|panic| {
        Err(Error::Damaged {
            what: format!(
                "a place that its engine could not read while {doing} ({})",
                said(panic.as_ref())
            ),
        })
    })
}

/// Keeps such panics from standard error: who called hears of them.
pub(super) fn keep_quiet() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let other = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let thread = std::thread::current();
            let is_engine = thread
                .name()
                .is_some_and(|name| name.starts_with(ENGINE_THREADS));
            match GUARDED.get() || is_engine {
                true => tracing::debug!(%panic, "the engine of the journals panicked"),
                false => other(panic),
            }
        }));
    });
}

/// The message of a panic, in one line.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "it panicked".to_owned(),
    };
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    const LONGEST: usize = 160;
    if let Some((cut, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(cut);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_a_name() {
        let failed = guarded::<()>("keys were read", || panic!("index 7\n out of bounds"));
        let error = failed.unwrap_err().to_string();
        assert!(
            error.contains("while keys were read (index 7 out of bounds)"),
            "{error}"
        );
        assert_eq!(guarded("keys were read", || Ok(7)), Ok(7));
    }
}
