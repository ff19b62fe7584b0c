//! Which lines of a guest's log are written.

/// Decides which lines of a guest's log are written.
pub trait LogGate: Send + Sync {
    /// The longest line that is kept whole, in bytes.
    fn longest_line(&self) -> usize;

    /// Whether a line may be written that takes about so many bytes. What may not is lost.
    fn admit(&self, bytes: usize) -> bool;
}
