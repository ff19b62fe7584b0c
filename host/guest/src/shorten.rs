//! Texts about what a component's author has made, as far as a message shows them: names and types may be as long as their author likes.

use std::fmt::{self, Display, Write};

/// How many bytes of a name or a type a message shows.
const SHOWN: usize = 120;

/// The beginning of a text, and a mark where there is more. What is not shown is not written either.
pub(super) fn shortened(text: impl Display) -> String {
    let mut shortened = Brief(String::new());
    // It fails where it ends early, which is what it is for.
    let _ = write!(shortened, "{text}");
    shortened.0
}

/// Takes the beginning of what is written, and refuses the rest.
struct Brief(String);

impl Write for Brief {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = SHOWN.saturating_sub(self.0.len());
        if text.len() <= left {
            self.0.push_str(text);
            return Ok(());
        }
        let end = text.floor_char_boundary(left);
        self.0.push_str(text.get(..end).unwrap_or_default());
        self.0.push('…');
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_is_written() {
        struct Endless;
        impl Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    f.write_str("é, ")?;
                }
            }
        }
        let shown = shortened(Endless);
        assert!(shown.ends_with('…') && shown.len() <= SHOWN + '…'.len_utf8());
        assert_eq!(shortened("u64"), "u64");
        assert_eq!(shortened("x".repeat(SHOWN)), "x".repeat(SHOWN));
    }
}
