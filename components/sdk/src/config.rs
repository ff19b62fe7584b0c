//! The context's configuration: `[context.<name>.config]` in `innkeeper.toml`, read live.

use core::str::FromStr;

use crate::host::store;

/// The value of `key`, or none when it is not set or cannot be read; the latter is logged.
pub fn text(key: &str) -> Option<String> {
    match store::get(key) {
        Ok(value) => value,
        Err(error) => {
            crate::warn!("configuration {key} cannot be read: {error}");
            None
        }
    }
}

/// The value of `key` as a `T`; `default` when it is not set, cannot be read or is no `T`. The latter two are logged.
pub fn get<T: FromStr>(key: &str, default: T) -> T {
    let Some(value) = text(key) else {
        return default;
    };
    value.trim().parse().unwrap_or_else(|_| {
        crate::warn!("configuration {key} has the unusable value {value:?}: the default is used");
        default
    })
}
