//! What a conflict fuzzer has found.

use core::fmt;

/// What a [`ConflictFuzzer`](super::ConflictFuzzer) has tried.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// How many orders of two operations, one in the middle of the other.
    pub interleavings: u64,
    /// How many of these end as neither order of the two does, and are let pass, since something was undone on the way: others may have seen that, and have
    /// rightly done otherwise. Only the rules say what these must come to.
    pub judged_by_rules: u64,
}

/// Code that does not survive a re-run, and how that shows. Where it is unwrapped it says what it displays.
#[derive(Clone, PartialEq, Eq)]
pub struct Finding {
    /// The operation.
    pub operation: String,
    /// What came in between; none when it was only run twice.
    pub between: Option<String>,
    /// At which of its steps; 0 when both came one after the other, and already this broke a rule.
    pub step: u64,
    /// What was run again, such as "the policy for `RoomHeld` of reservation"; none where nothing can be told alone.
    pub run_again: Option<String>,
    /// What differs, or which rule is broken; that it has no step to try.
    pub reason: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operation,
            between,
            step,
            run_again,
            reason,
        } = self;
        match between {
            None => write!(f, "`{operation}` {reason}")?,
            Some(between) if *step == 0 => write!(
                f,
                "`{operation}` and `{between}`, one after the other and without any conflict: {reason}"
            )?,
            Some(between) => write!(
                f,
                "`{operation}` with `{between}` in between, at step {step}, ends as neither order of the two does: {reason}"
            )?,
        }
        match run_again {
            None => Ok(()),
            Some(it) => write!(f, " ({it} was run again)"),
        }
    }
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for Finding {}
