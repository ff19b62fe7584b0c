//! How many of something there are, in words.

use std::fmt::Display;

/// A number and what it counts: `1 context`, `2 contexts`, `0 entries`. `one` is what one of them is called, a regular noun of English.
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, one: &str) -> String {
    if count == N::from(1) {
        return format!("{count} {one}");
    }
    match one.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{count} {stem}ies"),
        _ => format!("{count} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_several() {
        assert_eq!(counted(0_u64, "context"), "0 contexts");
        assert_eq!(counted(1_usize, "context"), "1 context");
        assert_eq!(counted(2_u32, "dead letter"), "2 dead letters");
        assert_eq!(counted(2_u64, "entry"), "2 entries");
        assert_eq!(counted(2_u64, "day"), "2 days");
    }
}
