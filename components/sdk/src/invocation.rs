//! What the host knows of the invocation that is running. The same for all its attempts, except [`attempt`].

use crate::host::invocation as host;

/// The invocation's id.
pub fn id() -> String {
    host::id()
}

/// The id that everything with one cause at its root shares.
pub fn correlation_id() -> String {
    host::correlation_id()
}

/// The event or invocation that caused this one; empty for a web request.
pub fn causation_id() -> String {
    host::causation_id()
}

/// Which attempt this is, from 1.
pub fn attempt() -> u32 {
    host::attempt()
}

/// The time, in milliseconds since 1970-01-01T00:00:00Z. It does not move while the invocation runs.
pub fn now() -> u64 {
    host::now()
}

/// A new unique id of 32 hexadecimal digits.
pub fn new_id() -> String {
    host::new_id()
}
