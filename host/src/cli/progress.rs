//! What long work tells while it goes on.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::observe::sanitize::{lines, shown};

/// Tells on standard error how far the work has come.
pub(super) struct Progress {
    terminal: bool,
    /// Whether the cursor stands behind a step.
    dangling: AtomicBool,
}

impl Progress {
    pub fn new() -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            dangling: AtomicBool::new(false),
        }
    }

    /// Whether steps make way for each other.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Something that stays on the screen.
    pub fn say(&self, text: impl Display) {
        let mut out = io::stderr().lock();
        // When nobody can read it, there is nobody to tell.
        let _ = writeln!(out, "{}{}", self.wipe(), lines(&text.to_string()));
    }

    /// A small step: on a terminal it makes way for the next one.
    pub fn step(&self, text: impl Display) {
        let mut out = io::stderr().lock();
        let _ = if self.terminal {
            let wipe = self.wipe();
            self.dangling.store(true, Ordering::Relaxed);
            let text = text.to_string();
            write!(out, "{wipe}  {}", shown(&text, 76)).and_then(|()| out.flush())
        } else {
            writeln!(out, "  {}", lines(&text.to_string()))
        };
    }

    /// Removes the last step.
    pub fn clear(&self) {
        let _ = write!(io::stderr(), "{}", self.wipe());
    }

    fn wipe(&self) -> &'static str {
        match self.dangling.swap(false, Ordering::Relaxed) {
            true => "\r\x1b[K",
            false => "",
        }
    }
}
