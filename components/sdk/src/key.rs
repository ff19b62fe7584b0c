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
        let (first, second) = text.split_once('/')?;
        Some((read_before(first)?, B::read(second)?))
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
        let (first, rest) = text.split_once('/')?;
        let (second, third) = rest.split_once('/')?;
        Some((read_before(first)?, read_before(second)?, C::read(third)?))
    }
}

/// A part that others follow, and the `/` between them. In a text `~` is `~0` and `/` is `~1`, so that it ends where it does.
pub(crate) fn write_before<P: Part>(part: &P::Given<'_>, text: &mut String) {
    match P::IS_TEXT {
        true => {
            let mut plain = String::new();
            P::write(part, &mut plain);
            text.push_str(&plain.replace('~', "~0").replace('/', "~1"));
        }
        false => P::write(part, text),
    }
    text.push('/');
}

fn read_before<P: Part>(text: &str) -> Option<P> {
    match P::IS_TEXT {
        true => P::read(&text.replace("~1", "/").replace("~0", "~")),
        false => P::read(text),
    }
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
        check(vec![
            ("a".to_owned(), 2_u32),
            ("a/b~1/~0".into(), 1),
            ("b".into(), 0),
        ]);
        check(vec![
            ("a".to_owned(), 2_u32, "x/y".to_owned()),
            ("a/".into(), 2, String::new()),
        ]);
    }

    #[test]
    fn a_number_is_in_its_place_only() {
        assert_eq!(u8::read("0000000000000100"), None);
        assert_eq!(u64::read("+000000000000001"), None);
        assert_eq!(<(u64, u64)>::read("0000000000000001"), None);
    }
}
