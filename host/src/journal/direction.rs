//! Which way a range is read.

/// Which way the keys of a range are read, and so which of them are found where not all are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the first on.
    Forwards,
    /// From the last on.
    Backwards,
}

impl Direction {
    /// Whether a key is come to after another.
    pub(crate) fn comes_later(self, key: &[u8], other: &[u8]) -> bool {
        match self {
            Self::Forwards => key > other,
            Self::Backwards => key < other,
        }
    }
}
