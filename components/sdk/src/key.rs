//! What rows are found by, and how it is written so that the order of the texts is the order of the keys.

use crate::bindings::innkeeper::context::types::KeyPart;

/// A key of a [`Table`](crate::Table): a number, a text, a type of your own that is one of them (`#[derive(Key)]`), or up to three of these in a tuple. Keys are
/// ordered by their parts, numbers by their size.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a table",
    note = "a key is a `u8` to `u64`, a `String`, a struct with one such field and `#[derive(Key)]`, or up to three of these in a tuple"
)]
pub trait Key: Sized {
    /// As it is given to a table: a number by its value, text as `&str`, a type of your own by reference.
    type Given<'a>;

    /// What it is made of, for the description.
    #[doc(hidden)]
    fn parts() -> Vec<KeyPart>;

    /// Appends the key's text.
    #[doc(hidden)]
    fn write(key: &Self::Given<'_>, text: &mut String);

    /// As it is given.
    #[doc(hidden)]
    fn given(&self) -> Self::Given<'_>;
}

/// A key that can be read back: each but `&str`.
pub trait OwnedKey: Key {
    /// From the key's text.
    #[doc(hidden)]
    fn read(text: &str) -> Option<Self>;
}

/// A key, or a part of one, that is no tuple.
pub trait Part: OwnedKey {
    /// Whether it is text.
    #[doc(hidden)]
    const IS_TEXT: bool;
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Key for $number {
            type Given<'a> = Self;

            fn parts() -> Vec<KeyPart> {
                vec![KeyPart::Number]
            }

            /// Sixteen hexadecimal digits.
            fn write(key: &Self, text: &mut String) {
                write_number(u64::from(*key), text);
            }

            fn given(&self) -> Self {
                *self
            }
        }

        impl OwnedKey for $number {
            fn read(text: &str) -> Option<Self> {
                Self::try_from(number(text)?).ok()
            }
        }

        impl Part for $number {
            const IS_TEXT: bool = false;
        }
    )*};
}

numbers!(u8 u16 u32 u64);

fn write_number(number: u64, text: &mut String) {
    let mut digits = [b'0'; 16];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        let value = (rest & 15) as u8;
        *digit = if value < 10 {
            b'0' + value
        } else {
            b'a' - 10 + value
        };
        rest >>= 4;
    }
    // Hexadecimal digits are always UTF-8.
    text.push_str(core::str::from_utf8(&digits).unwrap_or_default());
}

/// A number as keys have it: sixteen hexadecimal digits.
pub(crate) fn number(text: &str) -> Option<u64> {
    (text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .then(|| u64::from_str_radix(text, 16).ok())
        .flatten()
}

impl Key for String {
    type Given<'a> = &'a str;

    fn parts() -> Vec<KeyPart> {
        vec![KeyPart::Text]
    }

    fn write(key: &&str, text: &mut String) {
        text.push_str(key);
    }

    fn given(&self) -> &str {
        self
    }
}

impl OwnedKey for String {
    fn read(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

impl Part for String {
    const IS_TEXT: bool = true;
}

impl<'key> Key for &'key str {
    type Given<'a> = &'a str;

    fn parts() -> Vec<KeyPart> {
        vec![KeyPart::Text]
    }

    fn write(key: &&str, text: &mut String) {
        text.push_str(key);
    }

    fn given(&self) -> &'key str {
        self
    }
}

impl<A: Part, B: Part> Key for (A, B) {
    type Given<'a> = (A::Given<'a>, B::Given<'a>);

    fn parts() -> Vec<KeyPart> {
        [A::parts(), B::parts()].concat()
    }

    fn write(key: &Self::Given<'_>, text: &mut String) {
        write_before::<A>(&key.0, text);
        B::write(&key.1, text);
    }

    fn given(&self) -> Self::Given<'_> {
        (self.0.given(), self.1.given())
    }
}

impl<A: Part, B: Part> OwnedKey for (A, B) {
    fn read(text: &str) -> Option<Self> {
        let (first, rest) = read_before(text)?;
        Some((first, B::read(rest)?))
    }
}

impl<A: Part, B: Part, C: Part> Key for (A, B, C) {
    type Given<'a> = (A::Given<'a>, B::Given<'a>, C::Given<'a>);

    fn parts() -> Vec<KeyPart> {
        [A::parts(), B::parts(), C::parts()].concat()
    }

    fn write(key: &Self::Given<'_>, text: &mut String) {
        write_before::<A>(&key.0, text);
        write_before::<B>(&key.1, text);
        C::write(&key.2, text);
    }

    fn given(&self) -> Self::Given<'_> {
        (self.0.given(), self.1.given(), self.2.given())
    }
}

impl<A: Part, B: Part, C: Part> OwnedKey for (A, B, C) {
    fn read(text: &str) -> Option<Self> {
        let (first, rest) = read_before(text)?;
        let (second, rest) = read_before(rest)?;
        Some((first, second, C::read(rest)?))
    }
}

/// Ends a text that others follow. It is below every character that such a text is written with: so the shorter of two comes first, whatever follows.
const END: char = '\u{1}';
/// Stands, with a digit, for U+0000, U+0001 and itself.
const ESCAPE: char = '\u{2}';

/// A part that others follow, and what is between them: its end after a text, a `/` after a number.
pub(crate) fn write_before<P: Part>(part: &P::Given<'_>, text: &mut String) {
    if !P::IS_TEXT {
        P::write(part, text);
        text.push('/');
        return;
    }
    let mut plain = String::new();
    P::write(part, &mut plain);
    for character in plain.chars() {
        match character {
            '\0'..=ESCAPE => {
                text.push(ESCAPE);
                text.push(char::from(b'0' + character as u8));
            }
            other => text.push(other),
        }
    }
    text.push(END);
}

/// Such a part, and what follows.
fn read_before<P: Part>(text: &str) -> Option<(P, &str)> {
    if !P::IS_TEXT {
        let (part, rest) = text.split_once('/')?;
        return Some((P::read(part)?, rest));
    }
    let (written, rest) = text.split_once(END)?;
    let mut plain = String::new();
    let mut characters = written.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            ESCAPE => char::from_u32(characters.next()?.to_digit(3)?)?,
            other => other,
        });
    }
    Some((P::read(&plain)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<K: Key>(key: K) -> String {
        let mut text = String::new();
        K::write(&key.given(), &mut text);
        text
    }

    #[test]
    fn keys_are_read_back_and_ordered_by_their_parts() {
        fn check<K: OwnedKey + Clone + PartialEq + std::fmt::Debug>(keys: Vec<K>) {
            let texts: Vec<_> = keys.iter().cloned().map(text).collect();
            assert!(texts.is_sorted(), "{texts:?}");
            for (key, text) in keys.iter().zip(&texts) {
                assert_eq!(K::read(text).as_ref(), Some(key), "{text}");
            }
        }
        check(vec![0_u64, 1, 16, u64::MAX]);
        check(vec![0_u8, 255]);
        check(vec![String::new(), "a".into(), "a/b".into(), "b".into()]);
        check(vec![(1_u64, "b/~1".to_owned()), (2, "a".into())]);
        let mut pairs = Vec::new();
        let names = [
            "", "\0", "\u{1}", "\u{2}0", "\u{3}", "a", "a\0", "a\u{1}b", "a b", "a-1", "a.", "a/b",
            "a0", "az", "a~1", "b",
        ];
        for name in names {
            pairs.extend([0_u32, 7, u32::MAX].map(|number| (name.to_owned(), number)));
        }
        check(pairs);
        check(vec![
            ("a".to_owned(), 2_u32, "x/y".to_owned()),
            ("a".into(), 3, String::new()),
            ("a-".into(), 1, "x".into()),
            ("a/".into(), 2, String::new()),
        ]);
        check(vec![
            (1_u8, "a".to_owned(), "z".to_owned()),
            (1, "a b".into(), String::new()),
            (2, String::new(), String::new()),
        ]);
    }

    #[test]
    fn a_number_is_in_its_place_only() {
        assert_eq!(u8::read("0000000000000100"), None);
        assert_eq!(u64::read("+000000000000001"), None);
        assert_eq!(<(u64, u64)>::read("0000000000000001"), None);
    }
}
