//! Counters: numbers that invocations add to without having read them, so that they do not conflict with each other.
//!
//! A number is written as `docs/state.md` says for `s64`.

use crate::journal::{Merge, Space};

/// From here on, and down from its negative, a number is written as text, which every JSON library reads exactly.
const AS_TEXT: u64 = 1 << 53;

/// Why a number cannot be added to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCounter {
    /// The table keeps something else.
    #[error(
        "the guest added to a number in the table {table}, whose values are {values}; only numbers of the type s64 can be added to: declare it as a `Counter`"
    )]
    OtherTable {
        /// The table.
        table: String,
        /// The type of its values.
        values: String,
    },
    /// What is there is no number.
    #[error("the guest added to a number where there is none of the type s64: {found}")]
    NoNumber {
        /// What is there, or its beginning.
        found: String,
    },
    /// The sum is too large, or too small.
    #[error("the sum of {before} and {delta} is no s64; a counter holds -2^63 to 2^63 - 1")]
    Overflow {
        /// What was there.
        before: i64,
        /// What was to be added.
        delta: i64,
    },
}

/// A value and a number, added up; where there is no value it is 0.
pub(super) fn add(before: Option<&[u8]>, delta: i64) -> Result<Vec<u8>, InvalidCounter> {
    let before = before.map_or(Ok(0), read)?;
    sum(before, delta).map(written)
}

/// Two numbers, added up.
pub(super) fn sum(before: i64, delta: i64) -> Result<i64, InvalidCounter> {
    before
        .checked_add(delta)
        .ok_or(InvalidCounter::Overflow { before, delta })
}

/// The change of a key that adds a number when it is committed.
pub(super) fn merge(space: Space, key: Vec<u8>, delta: i64) -> Merge {
    Merge {
        space,
        key,
        operand: delta.to_be_bytes().to_vec(),
        operator: merged,
    }
}

fn merged(before: Option<&[u8]>, operand: &[u8]) -> Result<Vec<u8>, String> {
    let delta = operand
        .try_into()
        .map(i64::from_be_bytes)
        .map_err(|_| format!("{} bytes are no number to add", operand.len()))?;
    add(before, delta).map_err(|error| error.to_string())
}

fn read(value: &[u8]) -> Result<i64, InvalidCounter> {
    let number = match serde_json::from_slice(value) {
        Ok(serde_json::Value::Number(number)) => number.as_i64(),
        Ok(serde_json::Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| {
        const SHOWN: usize = 40;
        let shown = value.get(..SHOWN).unwrap_or(value);
        let found = String::from_utf8_lossy(shown).into_owned();
        InvalidCounter::NoNumber { found }
    })
}

fn written(number: i64) -> Vec<u8> {
    match number.unsigned_abs() < AS_TEXT {
        true => number.to_string(),
        false => format!("\"{number}\""),
    }
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_written_as_the_state_keeps_it() {
        for (number, text) in [
            (0, "0"),
            (-7, "-7"),
            ((1 << 53) - 1, "9007199254740991"),
            (1 << 53, "\"9007199254740992\""),
            (-(1 << 53), "\"-9007199254740992\""),
            (i64::MIN, "\"-9223372036854775808\""),
        ] {
            assert_eq!(add(None, number), Ok(text.into()));
            assert_eq!(read(text.as_bytes()), Ok(number));
        }
        assert_eq!(add(Some(b"\"7\""), 1), Ok(b"8".to_vec()));
    }

    #[test]
    fn what_cannot_be_added_up_is_said() {
        let overflow = InvalidCounter::Overflow {
            before: i64::MAX,
            delta: 1,
        };
        let most = format!("\"{}\"", i64::MAX);
        assert_eq!(add(Some(most.as_bytes()), 1), Err(overflow));
        for found in ["1.5", "null", "{\"a\":1}", "\"x\"", "18446744073709551615"] {
            let no_number = InvalidCounter::NoNumber {
                found: found.into(),
            };
            assert_eq!(add(Some(found.as_bytes()), 1), Err(no_number));
        }
    }

    proptest! {
        #[test]
        fn the_order_of_additions_does_not_matter(before: i64, one: i32, other: i32) {
            let before = written(before);
            let (one, other) = (i64::from(one), i64::from(other));
            let then = |first, second| {
                let sum = add(Some(&before), first).ok()?;
                add(Some(&sum), second).ok()
            };
            let (there, back) = (then(one, other), then(other, one));
            // Near the ends of what a number can be one of them may be refused for what is there between.
            prop_assert!(there == back || there.is_none() || back.is_none());
        }
    }
}
