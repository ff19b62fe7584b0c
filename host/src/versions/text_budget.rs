//! How much text a version may describe itself with.

use std::fmt::{self, Debug, Write};

/// The most bytes that a description may have, as it is written for people: it is kept, shown and compared with others.
pub(crate) const LONGEST: usize = 1 << 20;

/// What is left of [`LONGEST`] bytes of text, which nobody reads.
pub(crate) struct TextBudget(usize);

impl TextBudget {
    pub(crate) fn new() -> Self {
        Self(LONGEST)
    }

    /// Whether a text still fits. Writing it ends where it does not.
    pub(crate) fn takes(&mut self, text: &impl Debug) -> bool {
        write!(self, "{text:?}").is_ok()
    }
}

impl Write for TextBudget {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.checked_sub(text.len()).ok_or(fmt::Error)?;
        Ok(())
    }
}
