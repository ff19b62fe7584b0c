//! What long work tells while it goes on.

use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};

use super::output::at_once;
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
        let text = text.to_string();
        let _ = at_once(&mut out, format_args!("{}{}\n", self.wipe(), lines(&text)));
    }

    /// A small step: on a terminal it makes way for the next one.
    pub fn step(&self, text: impl Display) {
        let mut out = io::stderr().lock();
        let text = text.to_string();
        let _ = if self.terminal {
            let wipe = self.wipe();
            self.dangling.store(true, Ordering::Relaxed);
            at_once(&mut out, format_args!("{wipe}  {}", shown(&text, 76)))
        } else {
            at_once(&mut out, format_args!("  {}\n", lines(&text)))
        };
    }

    /// Removes the last step.
    pub fn clear(&self) {
        let _ = at_once(&mut io::stderr(), format_args!("{}", self.wipe()));
    }

    fn wipe(&self) -> &'static str {
        match self.dangling.swap(false, Ordering::Relaxed) {
            true => "\r\x1b[K",
            false => "",
        }
    }
}
