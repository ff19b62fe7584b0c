use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Table, TableCompatibility, Tables};

/// What the state may hold: the tables of every version that wrote into it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrittenTables {
    rows: BTreeMap<String, Rows>,
    /// The tables of the version that serves.
    serving: Tables,
}

/// The rows of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Rows {
    /// What they may be.
    shapes: Vec<Table>,
    /// Whether the version that serves does not describe them, though it knew of them: they are left there.
    are_left: bool,
}

impl WrittenTables {
    /// A version writes into it, too.
    pub fn note(&mut self, tables: &Tables) {
        for (name, table) in tables.iter() {
            let rows = self.rows.entry(name.to_owned()).or_default();
            let is_known = rows.shapes.iter().any(|known| {
                known.read(name, table).is_exact() && table.read(name, known).is_exact()
            });
            if !is_known {
                rows.shapes.push(table.clone());
            }
            rows.are_left = false;
        }
    }

    /// A version serves from now on.
    pub fn serve(&mut self, tables: &Tables) {
        self.note(tables);
        for (name, rows) in &mut self.rows {
            rows.are_left = !tables.0.contains_key(name);
        }
        self.serving = tables.clone();
    }

    /// All of it was moved: what was there before is gone.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// What comes of a version's reading all that is there.
    pub fn read_by(&self, tables: &Tables) -> TableCompatibility {
        let mut all = TableCompatibility::default();
        for (name, rows) in &self.rows {
            if let Some(table) = tables.0.get(name) {
                for written_tables in &rows.shapes {
                    all.and(table.read(name, written_tables));
                }
            }
        }
        all
    }

    /// The tables that a version does not describe, though they were not left before.
    pub fn missing_in(&self, tables: &Tables) -> Vec<&str> {
        let missing = self
            .rows
            .iter()
            .filter(|(name, rows)| !rows.are_left && !tables.0.contains_key(*name));
        missing.map(|(name, _)| name.as_str()).collect()
    }

    /// What comes of the serving version's reading what another writes.
    pub fn serving_reads(&self, tables: &Tables) -> TableCompatibility {
        self.serving.read(tables)
    }
}
