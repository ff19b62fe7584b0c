//! Types as people read them: as WIT would write them.

use std::fmt;

use super::{KeyPart, Scalar, Shape, Table, Type};

/// How much of a type is shown.
const LONGEST: usize = 4_000;
/// How deep a type is shown.
const DEEPEST: usize = 32;

impl Table {
    /// What its keys are made of.
    pub fn key(&self) -> String {
        let parts = self.key.iter().map(|part| match part {
            KeyPart::Number => "u64",
            KeyPart::Text => "string",
        });
        let parts: Vec<_> = parts.collect();
        match parts[..] {
            [part] => part.to_owned(),
            _ => format!("tuple<{}>", parts.join(", ")),
        }
    }

    /// The type of its values.
    pub fn value(&self) -> String {
        self.types.to_string()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text_of(0, LONGEST))
    }
}

impl Shape {
    /// One of its types, cut off at about so many bytes.
    pub(super) fn text_of(&self, place: usize, longest: usize) -> String {
        let mut writing = Writing {
            shape: self,
            text: String::new(),
            longest,
            around: Vec::new(),
        };
        writing.write(place);
        writing.text
    }
}

struct Writing<'a> {
    shape: &'a Shape,
    text: String,
    longest: usize,
    /// The types that this is a part of.
    around: Vec<usize>,
}

impl Writing<'_> {
    fn write(&mut self, place: usize) {
        let is_enough = self.text.len() >= self.longest || self.around.len() == DEEPEST;
        if is_enough || self.around.contains(&place) {
            self.text.push('…');
            return;
        }
        self.around.push(place);
        match self.shape.0.get(place) {
            None => self.text.push('…'),
            Some(Type::Scalar(scalar)) => self.text.push_str(&scalar.to_string()),
            Some(Type::Optional(inner)) => self.bracket("option<", [*inner]),
            Some(Type::List(inner)) => self.bracket("list<", [*inner]),
            Some(Type::Map(key, value)) => self.bracket("map<", [*key, *value]),
            Some(Type::Tuple(parts)) => self.bracket("tuple<", parts.iter().copied()),
            Some(Type::Record(fields)) => {
                self.text.push_str("record { ");
                for (index, field) in fields.iter().enumerate() {
                    self.comma(index);
                    self.text.push_str(&field.name);
                    self.text.push_str(": ");
                    self.write(field.value);
                    if field.has_default {
                        self.text.push_str(" by default");
                    }
                }
                self.text.push_str(" }");
            }
            Some(Type::Variant(cases)) => {
                self.text.push_str("variant { ");
                for (index, case) in cases.iter().enumerate() {
                    self.comma(index);
                    self.text.push_str(&case.name);
                    if let Some(value) = case.value {
                        self.text.push('(');
                        self.write(value);
                        self.text.push(')');
                    }
                }
                self.text.push_str(" }");
            }
        }
        self.around.pop();
    }

    fn bracket(&mut self, open: &str, parts: impl IntoIterator<Item = usize>) {
        self.text.push_str(open);
        for (index, part) in parts.into_iter().enumerate() {
            self.comma(index);
            self.write(part);
        }
        self.text.push('>');
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.text.push_str(", ");
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit => f.write_str("unit"),
            Self::Bool => f.write_str("bool"),
            Self::Unsigned(bits) => write!(f, "u{bits}"),
            Self::Signed(bits) => write!(f, "s{bits}"),
            Self::Float(bits) => write!(f, "f{bits}"),
            Self::Char => f.write_str("char"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
        }
    }
}
