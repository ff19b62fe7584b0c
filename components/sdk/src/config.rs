//! The context's configuration: `[context.<name>.config]` in `innkeeper.toml`, read live.

use core::ops::Deref;
use core::str::FromStr;

use serde::de::DeserializeOwned;

use crate::host::store;
use crate::{FromRequest, Problem, Request, named_values};

/// The configuration as a type: a struct whose fields are the keys. It is read when it is asked for, so what an operator changes holds for the next invocation.
///
/// ```
/// use innkeeper_sdk::prelude::*;
/// use innkeeper_sdk::Config;
///
/// #[derive(Deserialize)]
/// #[serde(default, deny_unknown_fields)]
/// struct Settings { loans_per_member: u32, loan_period_ms: u64 }
///
/// impl Default for Settings {
///     fn default() -> Self {
///         Self { loans_per_member: 3, loan_period_ms: 14 * 24 * 60 * 60 * 1000 }
///     }
/// }
///
/// fn limits(settings: Config<Settings>) -> Answer {
///     Response::ok(&settings.loans_per_member)
/// }
/// ```
///
/// With `config: Settings` in [`context!`](crate::context!) a key that the type does not have, or a value of another type, is said before a version serves: the
/// context is not ready, and the reason names the key. Under `#[serde(default)]` a key that is not set has its default. When a key becomes unusable while the
/// context runs, [`Config::read`] answers with a fault, and the context is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config<T>(pub T);

impl<T: DeserializeOwned> Config<T> {
    /// Reads the configuration as it is now.
    ///
    /// # Errors
    /// When a key is not one of the type's, or a value is none.
    pub fn read() -> Result<T, crate::Fault> {
        let all = store::get_all().map_err(|error| {
            crate::Fault::new(format!("the configuration cannot be read: {error}"))
        })?;
        named_values::read_secret(all).map_err(|reason| {
            crate::Fault::new(format!("the configuration cannot be used: {reason}"))
        })
    }
}

impl<T> Deref for Config<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned> FromRequest for Config<T> {
    const READS_BODY: bool = false;

    fn from_request(_: &Request) -> Result<Self, Problem> {
        Ok(Self(Self::read()?))
    }
}

/// Whether the configuration can be read as the type.
#[doc(hidden)]
pub fn check<T: DeserializeOwned>() -> Result<(), String> {
    Config::<T>::read()
        .map(drop)
        .map_err(|fault| fault.to_string())
}

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
