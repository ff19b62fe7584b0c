//! What is another each time: ids, times, and how long something took. Two lines that differ in nothing else say the same.

/// Hexadecimal digits in a row from which on they are an id.
const ID: usize = 12;
/// What stands before the number of an attempt that was not the first.
const ATTEMPT: &str = ", attempt ";
/// What stands behind a number that was measured.
const UNITS: &[(&str, &str)] = &[
    ("trans/sec", "<rate>"),
    ("MB/sec", "<rate>"),
    ("/s", "<rate>"),
    ("ns", "<duration>"),
    ("µs", "<duration>"),
    ("ms", "<duration>"),
    ("secs", "<duration>"),
    ("min", "<duration>"),
    ("s", "<duration>"),
    ("h", "<duration>"),
    ("bytes", "<size>"),
    ("B", "<size>"),
    ("KB", "<size>"),
    ("KiB", "<size>"),
    ("MB", "<size>"),
    ("MiB", "<size>"),
];

/// The line with what is another each time replaced by its kind, and spaces as one; with `all`, so is every number but zero and a hundred percent.
pub(super) fn without(line: &str, all: bool) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line.trim();
    let mut is_inside_word = false;
    // How often something was tried is another each time, too.
    let untried;
    if let Some((before, after)) = rest.split_once(ATTEMPT) {
        let digits = run(after, |c| c.is_ascii_digit());
        untried = format!("{before}{}", &after[digits..]);
        rest = &untried;
    }
    while let Some(first) = rest.chars().next() {
        let found = match is_inside_word {
            true => None,
            false => token(rest, all),
        };
        if let Some((kind, length)) = found {
            // What took two minutes and three seconds is one duration.
            let again = kind == "<duration>" && out.ends_with("<duration> ");
            match again {
                true => _ = out.pop(),
                false => out.push_str(kind),
            }
            rest = &rest[length..];
            is_inside_word = true;
            continue;
        }
        let is_second_space = first.is_whitespace() && out.ends_with(' ');
        if !is_second_space {
            out.push(if first.is_whitespace() { ' ' } else { first });
        }
        is_inside_word = first.is_alphanumeric() || first == '_';
        rest = &rest[first.len_utf8()..];
    }
    out
}

/// What a text begins with, if it is another each time, and how long that is.
fn token(text: &str, all: bool) -> Option<(&'static str, usize)> {
    if let Some(length) = time(text) {
        return Some(("<time>", length));
    }
    let id = run(text, |c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase());
    let is_id =
        id >= ID && !continues(&text[id..]) && text[..id].contains(|c: char| c.is_ascii_digit());
    if is_id {
        return Some(("<id>", id));
    }
    let number = number(text)?;
    let behind = &text[number..];
    let spaced = behind.strip_prefix(' ').unwrap_or(behind);
    for (unit, kind) in UNITS {
        if let Some(end) = spaced.strip_prefix(unit)
            && !continues(end)
        {
            return Some((kind, text.len() - end.len()));
        }
    }
    if !all || continues(behind) {
        return None;
    }
    let digits = &text[..number];
    let value: f64 = digits.parse().ok()?;
    let is_all = value == 100.0 && spaced.starts_with('%');
    let is_exact = value == 0.0 || is_all;
    (!is_exact).then_some(("<number>", number))
}

/// A time of day, a date with one, or one as HTTP writes it.
fn time(text: &str) -> Option<usize> {
    const SHAPES: [&str; 3] = [
        "0000-00-00T00:00:00",
        "aaa, 00 aaa 0000 00:00:00 GMT",
        "00:00:00",
    ];
    let fits = |shape: &&str| {
        let mut chars = text.chars();
        shape.chars().all(|wanted| {
            chars.next().is_some_and(|found| match wanted {
                '0' => found.is_ascii_digit(),
                'a' => found.is_ascii_alphabetic(),
                other => found == other,
            })
        })
    };
    let shape = SHAPES.iter().find(|shape| fits(shape))?;
    let mut length = shape.len();
    if let Some(fraction) = text[length..].strip_prefix('.') {
        length += 1 + run(fraction, |c| c.is_ascii_digit());
    }
    Some(length + usize::from(text[length..].starts_with('Z')))
}

/// How long the number is that a text begins with.
fn number(text: &str) -> Option<usize> {
    let whole = run(text, |c| c.is_ascii_digit());
    if whole == 0 {
        return None;
    }
    let fraction = text[whole..].strip_prefix('.');
    let fraction = fraction.map_or(0, |rest| run(rest, |c| c.is_ascii_digit()));
    Some(match fraction {
        0 => whole,
        digits => whole + 1 + digits,
    })
}

fn run(text: &str, is_in: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is_in(c)).unwrap_or(text.len())
}

/// Whether a word goes on here.
fn continues(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_times_and_measures_are_another_each_time() {
        for (one, other) in [
            (
                "story 4bf92f3577b34da6a3ce929d0e0e4736",
                "story 00000f3577b34da6a3ce929d0e0e4736",
            ),
            (
                "at 2026-11-26T12:00:20.000Z, in 8 s",
                "at 2027-01-02T03:04:05Z, in 120 ms",
            ),
            ("  ready   answered (1.2 ms)", "  ready answered (812 µs)"),
            ("age 2 min 3 s", "age 8 s"),
            (
                "date: Thu, 26 Nov 2026 12:00:20 GMT",
                "date: Fri, 27 Nov 2026 01:02:03 GMT",
            ),
            ("room 12.5/s", "room 3.0/s"),
            (
                "on Kept, attempt 2  (12:00:01.123)",
                "on Kept  (12:00:02.456)",
            ),
        ] {
            assert_eq!(without(one, false), without(other, false), "{one}");
        }
    }

    #[test]
    fn all_other_numbers_are_what_they_are() {
        for (one, other) in [
            (r#"{"roomId":1}"#, r#"{"roomId":2}"#),
            ("HTTP/1.1 200 OK", "HTTP/1.1 500 OK"),
            ("version 2 serves", "version 3 serves"),
            ("v1.2", "v1.3"),
        ] {
            assert_ne!(without(one, false), without(other, false), "{one}");
        }
    }

    #[test]
    fn a_figure_is_neither_none_nor_all() {
        let same = |one, other| without(one, true) == without(other, true);
        assert!(same("Availability: 91.89 %", "Availability: 87.3 %"));
        assert!(!same("Availability: 91.89 %", "Availability: 100.00 %"));
        assert!(!same("Availability: 100.00 %", "Availability: 99.99 %"));
        assert!(same("100 turned away", "7 turned away"));
        assert!(!same("12 turned away", "0 turned away"));
    }
}
