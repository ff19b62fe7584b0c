use core::fmt;

/// Something that should not happen: stored data that this version cannot read, or data that cannot be written.
///
/// As the end of a route it is a 500, as the end of a policy a `retry`: another version may be able to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(String);

impl Fault {
    /// A fault with a reason for whoever operates the context.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Fault {}

/// A fault as the `unavailable` of an offered function: the caller is told that it failed, and the log why.
#[doc(hidden)]
pub fn unavailable(fault: Fault) -> String {
    crate::error!("{fault}");
    fault.0
}
