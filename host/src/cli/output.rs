//! Standard output is for results, standard error for what happens meanwhile.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

use crate::observe::sanitize::{self, shown};

/// A line of the result, written at once: one line, whatever is in it.
pub(super) fn line(text: impl Display) -> io::Result<()> {
    write(&shown(&text.to_string(), usize::MAX))
}

/// A line of the result, for machines.
pub(super) fn json(value: &impl Serialize) -> io::Result<()> {
    json_line(&serde_json::to_string(value)?)
}

/// A line of the result that is JSON already.
pub(super) fn json_line(text: &str) -> io::Result<()> {
    write(&sanitize::json(text))
}

fn write(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// A text that is this program's own, as it is.
pub(super) fn own(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    out.flush()
}

/// A line for whoever watches.
pub(super) fn note(text: impl Display) {
    // When nobody can read it, there is nobody to tell.
    let _ = writeln!(io::stderr(), "{}", sanitize::lines(&text.to_string()));
}

/// What went wrong.
pub(super) fn error(error: &dyn Display) {
    note(format_args!("error: {error}"));
}
