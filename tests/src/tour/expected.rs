//! What is expected, and how what came instead differs.

use std::fmt;

use super::figures;

/// A line that stands for any number of lines; within a line, for any text.
const ANYTHING: &str = "...";

/// What was not as the page says.
#[derive(Debug)]
pub struct Difference {
    /// The page, the line, and what was typed there.
    pub place: String,
    /// What the page shows.
    pub expected: Vec<String>,
    /// What was seen.
    pub seen: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.place)?;
        for line in &self.expected {
            writeln!(f, "  - {line}")?;
        }
        for line in &self.seen {
            writeln!(f, "  + {line}")?;
        }
        f.write_str("(- is what the page shows, + what was seen)")
    }
}

/// How what is seen is compared with what is expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Whether numbers are measured ones.
    pub has_figures: bool,
    /// Whether lines may come in any order.
    pub is_unordered: bool,
}

impl Comparison {
    /// Whether all that was seen is what is expected.
    pub(super) fn fits(self, expected: &[String], seen: &[String]) -> bool {
        let plain = |lines: &[String]| -> Vec<String> {
            let mut lines: Vec<_> = lines.iter().map(|line| self.plain(line)).collect();
            while lines.last().is_some_and(String::is_empty) {
                lines.pop();
            }
            if self.is_unordered {
                lines.sort_unstable();
            }
            lines
        };
        all(&plain(expected), &plain(seen))
    }

    /// Whether what is expected is among what was seen so far, in this order.
    pub(super) fn is_among(self, expected: &[String], seen: &[String]) -> bool {
        let mut seen = seen.iter().map(|line| self.plain(line));
        let wanted = expected.iter().filter(|line| line.trim() != ANYTHING);
        let mut wanted = wanted.map(|line| self.plain(line));
        wanted.all(|wanted| seen.any(|seen| line(&wanted, &seen)))
    }

    /// A line without what is another each time.
    fn plain(self, line: &str) -> String {
        match self.is_unordered {
            false => figures::without(line, self.has_figures),
            true => {
                // Which branch of a tree is the last one depends on the order, too.
                let branches = |c: char| c.is_whitespace() || "├└│─".contains(c);
                figures::without(line.trim_start_matches(branches), self.has_figures)
            }
        }
    }
}

fn all(expected: &[String], seen: &[String]) -> bool {
    match (expected, seen) {
        ([], seen) => seen.is_empty(),
        ([first, more @ ..], seen) if first == ANYTHING => {
            (0..=seen.len()).any(|skipped| all(more, &seen[skipped..]))
        }
        ([first, more @ ..], [one, others @ ..]) => line(first, one) && all(more, others),
        (_, []) => false,
    }
}

/// Whether a line is the expected one.
fn line(expected: &str, seen: &str) -> bool {
    let mut parts = expected.split(ANYTHING);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = seen.strip_prefix(first) else {
        return false;
    };
    let mut is_open = false;
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        is_open = true;
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return false,
        }
    }
    is_open || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn branches_of_a_tree_may_come_in_any_order() {
        let unordered = Comparison {
            is_unordered: true,
            ..Comparison::default()
        };
        let (one, other) = (lines("a|├─ b|└─ c"), lines("a|├─ c|└─ b"));
        assert!(unordered.fits(&one, &other));
        assert!(!Comparison::default().fits(&one, &other));
        assert!(!unordered.fits(&one, &lines("a|├─ c")));
    }

    #[test]
    fn dots_stand_for_anything_and_all_else_for_itself() {
        let exact = Comparison::default();
        for (expected, seen) in [
            ("a|...|d", "a|b|c|d"),
            ("a|...|d", "a|d"),
            ("...", ""),
            ("a ... c", "a b c"),
            ("a ...", "a b c"),
            ("...|b", "a|b|a|b"),
            ("took 3 ms", "took 7.1 s"),
            ("a|", "a"),
        ] {
            assert!(
                exact.fits(&lines(expected), &lines(seen)),
                "{expected} {seen}"
            );
        }
        for (expected, seen) in [
            ("a", "a|b"),
            ("a|b", "a"),
            ("a ... c", "a b"),
            ("", "a"),
            ("a|...|d", "a|b"),
            ("ab...bc", "abc"),
        ] {
            assert!(
                !exact.fits(&lines(expected), &lines(seen)),
                "{expected} {seen}"
            );
        }
    }

    #[test]
    fn what_is_seen_elsewhere_stands_among_other_lines_in_its_order() {
        let exact = Comparison::default();
        let seen = lines("a|b|c|d");
        assert!(exact.is_among(&lines("b|d"), &seen));
        assert!(!exact.is_among(&lines("d|b"), &seen));
        assert!(!exact.is_among(&lines("e"), &seen));
    }
}
