//! Standard output is for results, standard error for what happens meanwhile.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

/// A line of the result, written at once.
pub(super) fn line(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// A line of the result, for machines.
pub(super) fn json(value: &impl Serialize) -> io::Result<()> {
    line(serde_json::to_string(value)?)
}

/// A line for whoever watches.
pub(super) fn note(text: impl Display) {
    // When nobody can read it, there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// What went wrong.
pub(super) fn error(error: &dyn Display) {
    note(format_args!("error: {error}"));
}
