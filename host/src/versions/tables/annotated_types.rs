//! Types of which something is said besides what they are made of: what the routes of a version take and answer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::gathered::Gathered;
use super::json_schema::{Dialect, Writing};
use super::{MOST, Scalar, Type};
use crate::guest::{Annotated, Annotation, DataType, Range};

/// How long the name of a type may be, in bytes.
const LONGEST_NAME: usize = 128;
/// How long what is said to people of a type may be, in bytes.
const LONGEST_DESCRIPTION: usize = 4 << 10;
/// How long a pattern may be, in bytes: it is written wherever its type is used.
const LONGEST_PATTERN: usize = 256;
/// How long a keyword may be, in bytes.
const LONGEST_KEYWORD: usize = 64;
/// How long the JSON of a keyword may be, in bytes.
const LONGEST_KEYWORD_VALUE: usize = 4 << 10;

/// Types with what is said of them.
#[derive(Clone, Debug, Default)]
pub struct AnnotatedTypes {
    types: Vec<Type>,
    annotations: BTreeMap<usize, Annotations>,
    /// What each is called, by its place: no two have one name.
    names: Vec<String>,
    /// The place of each, by that in what the guest says.
    places: BTreeMap<u32, usize>,
}

/// What is said of one type.
#[derive(Clone, Debug, Default)]
pub(super) struct Annotations {
    name: Option<String>,
    description: Option<String>,
    is_closed: bool,
    length: Option<Range>,
    value: Option<Range>,
    pattern: Option<String>,
    keywords: BTreeMap<String, Value>,
}

impl AnnotatedTypes {
    /// Those that are used of what a guest says.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn said(
        types: &[DataType],
        annotations: &[Annotated],
        used: impl IntoIterator<Item = u32>,
    ) -> Result<Self, String> {
        if types.len() > MOST {
            let count = types.len();
            return Err(format!("{count} types; there may be {MOST}"));
        }
        let Gathered { types, places } = Gathered::of(types, used)?;
        let mut all: BTreeMap<usize, Annotations> = BTreeMap::new();
        for Annotated { value, annotation } in annotations {
            // What is said of a type that nobody uses is of no use.
            let Some(place) = places.get(value) else {
                continue;
            };
            let (said, ty) = (all.entry(*place).or_default(), types.get(*place));
            said.take(annotation, ty)
                .map_err(|problem| format!("type {value}: {problem}"))?;
        }
        let names = names(types.len(), &all);
        Ok(Self {
            types,
            annotations: all,
            names,
            places,
        })
    }

    /// The schemas (2020-12, as OpenAPI reads them) of those that have one of their own, by their names, which stand behind `prefix` where they are referred to.
    pub fn json_schemas(&self, prefix: &str) -> BTreeMap<String, Value> {
        self.writing(prefix).all()
    }

    /// The schema of one of those that are used.
    pub fn json_schema(&self, prefix: &str, used: u32) -> Value {
        self.writing(prefix).used(self.place(used))
    }

    /// The type of what is there, where one that is used is optional.
    pub fn json_schema_of_what_is_there(&self, prefix: &str, used: u32) -> Value {
        let place = self.place(used);
        let place = match self.types.get(place) {
            Some(Type::Optional(inner)) => *inner,
            _ => place,
        };
        self.writing(prefix).used(place)
    }

    /// Whether one of those that are used may be none.
    pub fn is_optional(&self, used: u32) -> bool {
        let found = self.types.get(self.place(used));
        matches!(found, Some(Type::Optional(_)))
    }

    fn place(&self, used: u32) -> usize {
        // Each that is used has a place.
        self.places.get(&used).copied().unwrap_or(usize::MAX)
    }

    fn writing<'a>(&'a self, prefix: &'a str) -> Writing<'a> {
        Writing {
            types: &self.types,
            annotations: &self.annotations,
            prefix,
            names: &self.names,
            is_whole: false,
            dialect: Dialect::Draft202012,
        }
    }
}

impl Annotations {
    fn take(&mut self, annotation: &Annotation, ty: Option<&Type>) -> Result<(), String> {
        let is_text = matches!(ty, Some(Type::Scalar(Scalar::String)));
        let is_integer = matches!(
            ty,
            Some(Type::Scalar(Scalar::Unsigned(_) | Scalar::Signed(_)))
        );
        match annotation {
            Annotation::Name(name) => {
                bounded("a name", name, LONGEST_NAME)?;
                self.name = Some(name.clone());
            }
            Annotation::Description(text) => {
                bounded("a description", text, LONGEST_DESCRIPTION)?;
                self.description = Some(text.clone());
            }
            Annotation::Closed if matches!(ty, Some(Type::Record(_))) => self.is_closed = true,
            Annotation::Closed => return Err("it is closed, and no record".to_owned()),
            Annotation::Length(range) if is_text => {
                let range = ordered(*range)?;
                if [range.least, range.most]
                    .into_iter()
                    .flatten()
                    .any(|bound| bound < 0)
                {
                    return Err("a text has no fewer than 0 characters".to_owned());
                }
                self.length = Some(range);
            }
            Annotation::Length(_) => return Err("it has a length, and is no text".to_owned()),
            Annotation::Value(range) if is_integer => {
                self.value = Some(ordered(*range)?);
            }
            Annotation::Value(_) => return Err("it has bounds, and is no integer".to_owned()),
            Annotation::Pattern(pattern) if is_text => {
                bounded("a pattern", pattern, LONGEST_PATTERN)?;
                self.pattern = Some(pattern.clone());
            }
            Annotation::Pattern(_) => return Err("it has a pattern, and is no text".to_owned()),
            Annotation::Keyword((name, text)) => {
                let value = keyword(name, text)?;
                if self.keywords.insert(name.clone(), value).is_some() {
                    return Err(format!("the keyword {name} is said twice"));
                }
            }
        }
        Ok(())
    }

    /// Whether it is said to people what the type is: then it is told once, where it has its name.
    pub(super) fn is_for_people(&self) -> bool {
        self.name.is_some() || self.description.is_some()
    }

    /// Says it of the schema of what the type is made of.
    pub(super) fn narrow(&self, schema: &mut Value) {
        let Self {
            name: _,
            description,
            is_closed,
            length,
            value,
            pattern,
            keywords,
        } = self;
        if let Some(description) = description {
            schema["description"] = description.as_str().into();
        }
        if *is_closed {
            schema["additionalProperties"] = false.into();
        }
        let bounds = [
            (length, "minLength", "maxLength"),
            (value, "minimum", "maximum"),
        ];
        for (range, least, most) in bounds {
            let Some(range) = range else { continue };
            for (name, bound) in [(least, range.least), (most, range.most)] {
                if let Some(bound) = bound {
                    schema[name] = bound.into();
                }
            }
        }
        if let Some(pattern) = pattern {
            schema["pattern"] = pattern.as_str().into();
        }
        if let Value::Object(schema) = schema {
            for (name, value) in keywords {
                // What the type is made of is not to be told otherwise.
                schema.entry(name).or_insert_with(|| value.clone());
            }
        }
    }
}

fn bounded(what: &str, text: &str, longest: usize) -> Result<(), String> {
    match text.len() {
        0 => Err(format!("{what} is empty")),
        length if length > longest => Err(format!(
            "{what} has {length} bytes; it may have at most {longest}"
        )),
        _ => Ok(()),
    }
}

/// The value of a keyword.
fn keyword(name: &str, text: &str) -> Result<Value, String> {
    bounded("a keyword", name, LONGEST_KEYWORD)?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !name.bytes().all(is_allowed) {
        return Err(format!(
            "the keyword {name:?} is not of letters, digits and hyphens"
        ));
    }
    bounded(&format!("the keyword {name}"), text, LONGEST_KEYWORD_VALUE)?;
    let value: Value = serde_json::from_str(text)
        .map_err(|error| format!("the keyword {name} is no JSON: {error}"))?;
    match refers(&value) {
        true => Err(format!(
            "the keyword {name} has a member that begins with `$`, and may refer to nothing"
        )),
        false => Ok(value),
    }
}

/// Whether a value has a member that JSON Schema may take for a reference, or for a place that others refer to.
fn refers(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(refers),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name.starts_with('$') || refers(value)),
        _ => false,
    }
}

fn ordered(range: Range) -> Result<Range, String> {
    match range {
        Range {
            least: Some(least),
            most: Some(most),
        } if least > most => Err(format!("nothing is from {least} to {most}")),
        range => Ok(range),
    }
}

/// A name for each type: its own, or its number; with another number where one before it has that already.
fn names(count: usize, annotations: &BTreeMap<usize, Annotations>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    let mut names = Vec::new();
    for place in 0..count {
        let own = annotations
            .get(&place)
            .and_then(|said| said.name.as_deref());
        let own = own.map_or_else(|| format!("type-{place}"), allowed);
        let mut name = own.clone();
        while !taken.insert(name.clone()) {
            let number = last.entry(own.clone()).or_insert(1);
            *number += 1;
            name = format!("{own}-{number}");
        }
        names.push(name);
    }
    names
}

/// A name with nothing in it but what the name of a schema may have.
fn allowed(name: &str) -> String {
    let is_allowed =
        |character: &char| character.is_ascii_alphanumeric() || ".-_".contains(*character);
    name.chars()
        .map(|character| match is_allowed(&character) {
            true => character,
            false => '_',
        })
        .collect()
}

#[cfg(test)]
mod tests;
