//! The result: tables in Markdown.

use std::fmt;

use innkeeper_tests::artifacts;

/// Everything that was measured.
pub struct Report {
    machine: Vec<String>,
    tables: Vec<Table>,
}

/// One table.
pub struct Table {
    title: &'static str,
    note: String,
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Report {
    /// Nothing yet.
    pub fn new(machine: Vec<String>) -> Self {
        Self {
            machine,
            tables: Vec::new(),
        }
    }

    /// Begins a table.
    pub fn table(
        &mut self,
        title: &'static str,
        note: impl Into<String>,
        head: &[&'static str],
    ) -> &mut Table {
        eprintln!("# {title}");
        self.tables.push(Table {
            title,
            note: note.into(),
            head: head.to_vec(),
            rows: Vec::new(),
        });
        self.tables.last_mut().expect("it was just added")
    }

    /// Writes it to `docs/performance.md`.
    pub fn write(&self) {
        let file = artifacts::repository().join("docs/performance.md");
        std::fs::write(&file, self.to_string()).expect("docs/ can be written");
        eprintln!("written to docs/performance.md");
    }
}

impl Table {
    /// Adds a row, and shows it at once to whoever waits.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().collect();
        eprintln!("{}", cells.join(" · "));
        self.rows.push(cells);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Performance\n")?;
        writeln!(f, "Measured by `make bench`, in one run:\n")?;
        for fact in &self.machine {
            writeln!(f, "- {fact}")?;
        }
        self.tables
            .iter()
            .try_for_each(|table| write!(f, "\n{table}"))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n", self.title)?;
        if !self.note.is_empty() {
            writeln!(f, "{}\n", self.note)?;
        }
        writeln!(f, "| {} |", self.head.join(" | "))?;
        let lines = self
            .head
            .iter()
            .enumerate()
            .map(|(column, _)| if column == 0 { "---" } else { "---:" });
        writeln!(f, "| {} |", lines.collect::<Vec<_>>().join(" | "))?;
        self.rows
            .iter()
            .try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))
    }
}

/// A rate, with a separator for thousands.
pub fn rate(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share, in percent.
pub fn percent(part: f64, whole: f64) -> String {
    format!("{:.0} %", 100.0 * part / whole)
}
