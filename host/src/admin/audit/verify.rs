//! Looking whether a log is what was written.

use super::file::hash;
use super::line::Line;

/// Why an audit log is not what was written.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWhole {
    /// A line is none.
    #[error("line {0} is not a line of an audit log")]
    NoLine(u64),
    /// A line does not follow on the one before it.
    #[error(
        "line {0} does not follow the one before it: one of them was changed, or some were removed"
    )]
    Broken(u64),
}

/// Looks whether each line of a log follows on the one before it, line by line. What was cut off at the end does not show: compare the hash of the last line with one
/// that is kept elsewhere. Nor does it show when what was cut off at the beginning was more than the host itself removes: its first line says which one it is.
#[derive(Debug, Default)]
pub struct Verifier {
    first: Option<u64>,
    last: Option<(u64, String)>,
}

impl Verifier {
    /// Takes the next line.
    ///
    /// # Errors
    ///
    /// When it does not follow on the one before it.
    pub fn take(&mut self, text: &str) -> Result<Line, NotWhole> {
        let expected = self.last.as_ref().map(|(number, _)| number + 1);
        let line: Line =
            serde_json::from_str(text).map_err(|_| NotWhole::NoLine(expected.unwrap_or(1)))?;
        let follows = match &self.last {
            Some((number, before)) => line.number == number + 1 && line.before == *before,
            None => line.number > 1 || (line.number == 1 && line.before == hash("")),
        };
        if !follows {
            return Err(NotWhole::Broken(expected.unwrap_or(1)));
        }
        self.first.get_or_insert(line.number);
        self.last = Some((line.number, hash(text)));
        Ok(line)
    }

    /// The number of the first line; 1 unless the beginning was removed.
    pub fn first(&self) -> u64 {
        self.first.unwrap_or(1)
    }

    /// How many lines there were.
    pub fn count(&self) -> u64 {
        let last = self.last.as_ref().map_or(0, |(number, _)| *number);
        (last + 1).saturating_sub(self.first())
    }

    /// The hash of the last one.
    pub fn hash(&self) -> String {
        let last = self.last.as_ref();
        last.map_or_else(|| hash(""), |(_, hash)| hash.clone())
    }
}
