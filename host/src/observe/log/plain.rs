//! Log lines that move no terminal's cursor, whatever is in their fields.

use std::io;

use tracing::Metadata;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{FormatFields, debug_fn};

use crate::observe::sanitize::{self, shown};

/// The widest that a field is written in a line for people.
const WIDEST: usize = 2000;

/// Writes the fields of a line for people.
pub(super) fn fields() -> impl for<'a> FormatFields<'a> + Send + Sync + 'static {
    debug_fn(|writer, field, value| {
        let value = format!("{value:?}");
        let value = shown(&value, WIDEST);
        match field.name() {
            "message" => write!(writer, "{value}"),
            name => write!(writer, "{}={value}", name.trim_start_matches("r#")),
        }
    })
    .delimited(" ")
}

/// Takes lines of JSON, whose own escapes leave out some of what terminals obey.
pub(super) struct Json<W>(pub W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Json<W> {
    type Writer = Line<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(self.0.make_writer())
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Self::Writer {
        Line(self.0.make_writer_for(meta))
    }
}

/// Writes one of them.
pub(super) struct Line<W>(W);

impl<W: io::Write> io::Write for Line<W> {
    /// Takes a whole line: the formatter writes one at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(line) {
            Ok(text) => self.0.write_all(sanitize::json(text).as_bytes())?,
            Err(_) => self.0.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
