//! Text from outside, as people may see it.
//!
//! What clients, uploaders and guests write ends on terminals: labels, reasons, subjects, headers. A control character in it could clear the screen, rewrite what was
//! said before, or begin a line of its own; a mark of direction could turn the rest of the line around. So whatever is printed or logged for people passes here.

use std::borrow::Cow;
use std::fmt::Write;

/// The widest that a cell of a table, or a text within a line, is shown: a digest of 64 digits is seen whole.
pub const CELL: usize = 80;
/// The widest that a reason or another sentence is shown.
pub const SENTENCE: usize = 400;

/// Stands for what was cut off.
const ELLIPSIS: char = '…';

/// A text in one line, without anything that moves a terminal's cursor, at most so many characters wide.
pub fn shown(text: &str, width: usize) -> Cow<'_, str> {
    let is_plain = !text.contains(moves_the_cursor);
    if is_plain && text.chars().nth(width).is_none() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    let mut left = width;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let taken = match moves_the_cursor(c) {
            true => c.escape_default().count(),
            false => 1,
        };
        // The last place is for what says that there is more.
        let needed = taken + usize::from(rest.peek().is_some());
        if needed > left {
            shown.push(ELLIPSIS);
            break;
        }
        push(&mut shown, c);
        left -= taken;
    }
    Cow::Owned(shown)
}

/// Text in as many lines as it has, without anything else that moves a terminal's cursor.
pub fn lines(text: &str) -> Cow<'_, str> {
    let moves = |c| moves_the_cursor(c) && c != '\n' && c != '\t';
    if !text.contains(moves) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match moves(c) {
            true => push(&mut shown, c),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// JSON that means the same, and moves no cursor: such characters are within its strings, where they can be escaped.
pub fn json(text: &str) -> Cow<'_, str> {
    let moves = |c: char| moves_the_cursor(c) && c != '\n';
    if !text.contains(moves) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if moves(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing into a text does not fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn push(shown: &mut String, c: char) {
    if moves_the_cursor(c) {
        shown.extend(c.escape_default());
    } else {
        shown.push(c);
    }
}

/// Whether a character does something to a terminal other than to appear: controls, and what breaks lines or changes the direction of writing.
fn moves_the_cursor(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn controls_are_seen_and_do_nothing() {
        for (text, seen) in [
            ("release 7", "release 7"),
            ("café ☕ 東京", "café ☕ 東京"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"),
            ("\u{202e}gnp.exe", "\\u{202e}gnp.exe"),
        ] {
            assert_eq!(shown(text, CELL), seen);
        }
        assert_eq!(lines("a\n\tb\u{1b}c"), "a\n\tb\\u{1b}c");
        assert_eq!(
            json("{\"a\":\"\u{9b}\u{e0001}\"}\n"),
            "{\"a\":\"\\u009b\\udb40\\udc01\"}\n"
        );
    }

    #[test]
    fn what_is_too_wide_is_cut() {
        assert_eq!(shown("abcde", 5), "abcde");
        assert_eq!(shown("abcdef", 5), "abcd…");
        assert_eq!(shown("ab\u{1b}def", 5), "ab…");
        assert_eq!(shown(&"\u{301}".repeat(1000), 5).chars().count(), 5);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_one_line_of_that_width(text in any::<String>(), width in 1..100_usize) {
            let shown = shown(&text, width);
            prop_assert!(!shown.contains(moves_the_cursor));
            prop_assert!(shown.chars().count() <= width);
        }

        #[test]
        fn json_stays_what_it_was(text in any::<String>()) {
            let written = serde_json::to_string(&text).unwrap();
            let shown = json(&written);
            prop_assert!(!shown.contains(moves_the_cursor));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }
    }
}
