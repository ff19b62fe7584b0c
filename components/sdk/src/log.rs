//! Log lines. The host adds the context, the version and the correlation id.

use crate::host::logging;

pub use logging::Level;

/// Writes a line; the macros [`debug!`](crate::debug), [`info!`](crate::info), [`warn!`](crate::warn) and [`error!`](crate::error) are shorter.
pub fn write(level: Level, group: &str, message: &str) {
    logging::log(level, group, message);
}

/// Logs for the author of the context.
#[macro_export]
macro_rules! debug {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Debug, module_path!(), &format!($($message)+)) };
}

/// Logs what an operator may want to know.
#[macro_export]
macro_rules! info {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Info, module_path!(), &format!($($message)+)) };
}

/// Logs that something is odd.
#[macro_export]
macro_rules! warn {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Warn, module_path!(), &format!($($message)+)) };
}

/// Logs that something failed.
#[macro_export]
macro_rules! error {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Error, module_path!(), &format!($($message)+)) };
}
