//! Rows of text in columns.

use std::io;

use super::output;
use crate::observe::sanitize::{CELL, shown};

/// How a column stands.
#[derive(Clone, Copy)]
pub(super) enum Align {
    Left,
    Right,
}

/// Rows under a head.
pub(super) struct Table<const N: usize> {
    align: [Align; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub fn new(head: [(&str, Align); N]) -> Self {
        Self {
            align: head.map(|(_, align)| align),
            rows: vec![head.map(|(name, _)| name.to_owned())],
        }
    }

    /// Cells may hold text from outside.
    pub fn row(&mut self, cells: [String; N]) {
        self.rows
            .push(cells.map(|cell| shown(&cell, CELL).into_owned()));
    }

    pub fn print(&self) -> io::Result<()> {
        self.print_from(0)
    }

    /// Without the head.
    pub fn print_rows(&self) -> io::Result<()> {
        self.print_from(1)
    }

    fn print_from(&self, first: usize) -> io::Result<()> {
        let mut widths = [0; N];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in self.rows.iter().skip(first) {
            let mut line = String::new();
            for ((cell, width), align) in row.iter().zip(widths).zip(self.align) {
                line += &match align {
                    Align::Left => format!("{cell:<width$}  "),
                    Align::Right => format!("{cell:>width$}  "),
                };
            }
            output::line(line.trim_end())?;
        }
        Ok(())
    }
}
