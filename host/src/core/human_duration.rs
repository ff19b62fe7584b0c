//! Durations as people say them.

use std::fmt;
use std::time::Duration;

/// A duration for people: such as `5 s`, `1.2 s`, `40 ms` or `1 h 30 min`.
pub fn human_duration(duration: Duration) -> HumanDuration {
    HumanDuration(duration)
}

/// A duration that is shown for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HumanDuration(Duration);

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        // Where rounding comes to the next unit, that is said.
        const UNITS: [(&str, u128); 3] = [("µs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)];
        if nanos == 0 {
            return f.write_str("0 s");
        }
        if nanos < 1_000 {
            return write!(f, "{nanos} ns");
        }
        for (name, unit) in UNITS {
            let tenths = (nanos * 10 + unit / 2) / unit;
            let (whole, tenth) = (tenths / 10, tenths % 10);
            let rounded = (nanos + unit / 2) / unit;
            let most = if name == "s" { 60 } else { 1_000 };
            match (whole, tenth) {
                _ if rounded >= most => {}
                (0..10, 1..) => return write!(f, "{whole}.{tenth} {name}"),
                _ => return write!(f, "{rounded} {name}"),
            }
        }
        let seconds = u64::try_from((nanos + 500_000_000) / 1_000_000_000).unwrap_or(u64::MAX);
        let parts = [
            (seconds / 86_400, "d"),
            (seconds / 3_600 % 24, "h"),
            (seconds / 60 % 60, "min"),
            (seconds % 60, "s"),
        ];
        let said = parts.iter().filter(|(count, _)| *count > 0);
        for (place, (count, name)) in said.enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{count} {name}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_said_as_people_say_them() {
        for (nanos, said) in [
            (0, "0 s"),
            (1, "1 ns"),
            (1_000, "1 µs"),
            (1_500, "1.5 µs"),
            (40_000_000, "40 ms"),
            (999_400_000, "999 ms"),
            (999_999_999, "1 s"),
            (1_234_000_000, "1.2 s"),
            (4_999_988_482, "5 s"),
            (5_000_000_000, "5 s"),
            (59_700_000_000, "1 min"),
            (90_000_000_000, "1 min 30 s"),
            (3_600_000_000_000, "1 h"),
            (5_400_000_000_000, "1 h 30 min"),
            (86_400_000_000_000, "1 d"),
        ] {
            assert_eq!(
                human_duration(Duration::from_nanos(nanos)).to_string(),
                said
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_said_is_short_and_never_a_row_of_digits(nanos in any::<u64>()) {
            let said = human_duration(Duration::from_nanos(nanos)).to_string();
            prop_assert!(said.len() <= 32 && !said.is_empty(), "{said}");
            let fraction = said.split_once('.').map(|(_, rest)| rest.find(' '));
            prop_assert!(fraction.is_none_or(|digits| digits == Some(1)), "{said}");
        }
    }
}
