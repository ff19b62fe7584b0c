//! Standard output is for results, standard error for what happens meanwhile.

use std::fmt::{self, Display};
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
    let text = text.to_string();
    let _ = at_once(
        &mut io::stderr(),
        format_args!("{}\n", sanitize::lines(&text)),
    );
}

/// What went wrong.
pub(super) fn error(error: &dyn Display) {
    note(format_args!("error: {error}"));
}

/// Writes a text in one piece: standard error keeps nothing back, and what others write at the same time would come between the pieces.
pub(super) fn at_once(out: &mut impl Write, text: fmt::Arguments<'_>) -> io::Result<()> {
    out.write_all(text.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes each piece.
    #[derive(Default)]
    struct Pieces(Vec<Vec<u8>>);

    impl Write for Pieces {
        fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
            self.0.push(piece.to_owned());
            Ok(piece.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nothing_comes_between_a_line_and_its_end() {
        let mut pieces = Pieces::default();
        at_once(&mut pieces, format_args!("  {:<8} {}\n", "room", "ready")).unwrap();
        assert_eq!(pieces.0, [b"  room     ready\n"]);
    }
}
