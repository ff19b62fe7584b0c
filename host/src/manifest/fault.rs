//! What is wrong in a manifest, and where.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::document::Place;
use crate::core::nearest;

/// What is wrong, with the path of the setting and the place where it was written.
#[derive(Debug)]
pub(super) struct Fault {
    message: String,
    path: Vec<String>,
    place: Option<Place>,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            path: Vec::new(),
            place: None,
        }
    }

    /// Says where it was written, unless something nearer to it has said so.
    pub(super) fn at(mut self, place: &Place) -> Self {
        self.place.get_or_insert_with(|| place.clone());
        self
    }

    /// Says under which key it is.
    pub(super) fn within(mut self, key: &str) -> Self {
        self.path.insert(0, key.to_owned());
        self
    }

    /// One line for the user, where it does not matter where something was written: which setting, and what is wrong with it.
    pub(super) fn without_place(&self) -> String {
        one_line(&format!("{}: {}", self.path.join("."), self.message))
    }

    /// One line for the user: where, which setting, and what is wrong with it.
    pub(super) fn explain(&self, file: &str, text: &str) -> String {
        let place = match &self.place {
            Some(Place::Variable(name)) => name.to_string(),
            Some(Place::File(offset)) => {
                let (line, column) = position(text, *offset);
                format!("{file}:{line}:{column}")
            }
            None => file.to_owned(),
        };
        let line = if self.path.is_empty() {
            format!("{place}: {}", self.message)
        } else {
            format!("{place}: {}: {}", self.path.join("."), self.message)
        };
        one_line(&line)
    }
}

/// What a message repeats of the manifest may hold anything.
fn one_line(text: &str) -> String {
    text.chars().fold(String::new(), |mut line, c| {
        match c.is_control() {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
        line
    })
}

/// The line and the column of a byte, both from 1; columns count characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// The names that are valid, in order.
pub(super) struct OneOf(pub(super) &'static [&'static str]);

impl fmt::Display for OneOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = self.0.to_vec();
        names.sort_unstable();
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        f.write_str(&names.join(", "))
    }
}

impl Expected for OneOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {self}")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Map => "a table".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Str(text) => format!("the text {text:?}"),
            Unexpected::Signed(number) => number.to_string(),
            Unexpected::Bool(value) => value.to_string(),
            Unexpected::Float(number) => number.to_string(),
            other => other.to_string(),
        };
        Self::new(format!("must be {expected}, not {found}"))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!(
            "unknown key `{field}`; valid keys are {}{}",
            OneOf(expected),
            nearest::suggestion(field, expected)
        ))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!(
            "`{variant}` is not a valid value; valid values are {}{}",
            OneOf(expected),
            nearest::suggestion(variant, expected)
        ))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("the key `{field}` is missing"))
    }
}
