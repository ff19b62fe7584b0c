//! Types as JSON Schema: what the data of an event looks like as JSON, and what routes take and answer.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::annotated_types::Annotations;
use super::{Case, Field, Scalar, Shape, Type};

impl Shape {
    /// The schema of its values (Draft 7, as AsyncAPI reads it), and of what they are made of, by names that begin with `name`. They refer to each other by their names behind `prefix`.
    ///
    /// A type that is made of several others has a schema of its own, so that one which is used often is written once, and one may contain itself.
    pub fn json_schemas(&self, prefix: &str, name: &str) -> BTreeMap<String, Value> {
        let parts = (1..self.0.len()).map(|place| format!("{name}.{place}"));
        let names: Vec<_> = std::iter::once(name.to_owned()).chain(parts).collect();
        let writing = Writing {
            types: &self.0,
            annotations: &BTreeMap::new(),
            prefix,
            names: &names,
            is_whole: true,
            dialect: Dialect::Draft7,
        };
        writing.all()
    }
}

/// How schemas are written, where versions of JSON Schema differ.
#[derive(Clone, Copy)]
pub(super) enum Dialect {
    /// Draft 7: AsyncAPI's.
    Draft7,
    /// 2020-12: OpenAPI's.
    Draft202012,
}

/// Some types, on their way to be schemas.
pub(super) struct Writing<'a> {
    pub(super) types: &'a [Type],
    /// What is said of them besides, by their places.
    pub(super) annotations: &'a BTreeMap<usize, Annotations>,
    /// What stands before a name where it is referred to.
    pub(super) prefix: &'a str,
    /// What each of them is called if it has a schema of its own, by its place.
    pub(super) names: &'a [String],
    /// Whether the first of them has one, whatever it is: the others are its parts.
    pub(super) is_whole: bool,
    /// For whom.
    pub(super) dialect: Dialect,
}

impl Writing<'_> {
    /// The schemas of all that have one of their own, by their names.
    pub(super) fn all(&self) -> BTreeMap<String, Value> {
        let own = (0..self.types.len()).filter(|place| self.has_its_own(*place));
        own.map(|place| (self.name(place).to_owned(), self.whole(place)))
            .collect()
    }

    fn name(&self, place: usize) -> &str {
        // Each has a name.
        self.names.get(place).map_or("", String::as_str)
    }

    /// Whether it is made of several others.
    fn is_compound(&self, place: usize) -> bool {
        match self.types.get(place) {
            Some(Type::Record(_) | Type::Variant(_) | Type::Tuple(_) | Type::Map(..)) => true,
            Some(Type::Scalar(_) | Type::Optional(_) | Type::List(_)) | None => false,
        }
    }

    /// Whether it has a schema of its own. Also a list of lists has: how deep they nest is up to the guest, and no schema stands deeper than a few others.
    fn has_its_own(&self, place: usize) -> bool {
        let is_spoken_of = |annotations: &Annotations| annotations.is_for_people();
        if (place == 0 && self.is_whole) || self.annotations.get(&place).is_some_and(is_spoken_of) {
            return true;
        }
        match self.types.get(place) {
            Some(Type::Optional(inner) | Type::List(inner)) => {
                let is_scalar = matches!(self.types.get(*inner), Some(Type::Scalar(_)));
                !is_scalar && !self.is_compound(*inner)
            }
            _ => self.is_compound(place),
        }
    }

    /// What stands where a type is used.
    pub(super) fn used(&self, place: usize) -> Value {
        if self.has_its_own(place) {
            return json!({ "$ref": format!("{}{}", self.prefix, self.name(place)) });
        }
        self.whole(place)
    }

    fn whole(&self, place: usize) -> Value {
        let mut schema = self.plain(place);
        if let Some(annotations) = self.annotations.get(&place) {
            annotations.narrow(&mut schema);
        }
        schema
    }

    /// What its values are made of.
    fn plain(&self, place: usize) -> Value {
        match self.types.get(place) {
            // A shape is made whole.
            None => json!({}),
            Some(Type::Scalar(one)) => scalar(*one),
            Some(Type::Optional(inner)) => {
                json!({ "anyOf": [self.used(*inner), { "type": "null" }] })
            }
            Some(Type::List(inner)) => json!({ "type": "array", "items": self.used(*inner) }),
            Some(Type::Tuple(parts)) => self.tuple(parts),
            Some(Type::Map(key, value)) if self.is_name(*key) => {
                json!({ "type": "object", "additionalProperties": self.used(*value) })
            }
            Some(Type::Map(key, value)) => {
                json!({ "type": "array", "items": self.tuple(&[*key, *value]) })
            }
            Some(Type::Record(fields)) => self.record(fields),
            Some(Type::Variant(cases)) => self.variant(cases),
        }
    }

    /// Whether the keys of a map are the names of an object's members.
    fn is_name(&self, key: usize) -> bool {
        match self.types.get(key) {
            Some(Type::Scalar(scalar)) => {
                !matches!(scalar, Scalar::Unit | Scalar::Bytes | Scalar::Float(_))
            }
            Some(Type::Variant(cases)) => cases.iter().all(|case| case.value.is_none()),
            _ => false,
        }
    }

    fn tuple(&self, parts: &[usize]) -> Value {
        let schemas: Vec<_> = parts.iter().map(|part| self.used(*part)).collect();
        let count = parts.len();
        let each = match self.dialect {
            Dialect::Draft7 => "items",
            Dialect::Draft202012 => "prefixItems",
        };
        json!({ "type": "array", (each): schemas, "minItems": count, "maxItems": count })
    }

    fn record(&self, fields: &[Field]) -> Value {
        let properties = fields
            .iter()
            .map(|field| (field.name.clone(), self.used(field.value)));
        let required = fields.iter().filter(|field| {
            !field.has_default && !matches!(self.types.get(field.value), Some(Type::Optional(_)))
        });
        let required: Vec<_> = required.map(|field| &field.name).collect();
        // Members that are not named here are passed over.
        json!({ "type": "object", "properties": properties.collect::<Map<_, _>>(), "required": required })
    }

    fn variant(&self, cases: &[Case]) -> Value {
        let cases = cases.iter().map(|case| match case.value {
            None => json!({ "const": case.name }),
            Some(value) => json!({
                "type": "object",
                "properties": { (&case.name): self.used(value) },
                "required": [case.name],
                "additionalProperties": false,
            }),
        });
        json!({ "oneOf": cases.collect::<Vec<_>>() })
    }
}

fn scalar(scalar: Scalar) -> Value {
    match scalar {
        Scalar::Unit => json!({ "type": "null" }),
        Scalar::Bool => json!({ "type": "boolean" }),
        Scalar::Unsigned(bits) => {
            let most = u128::MAX >> 128_u32.saturating_sub(bits.into());
            json!({ "type": "integer", "minimum": 0, "maximum": number(most) })
        }
        Scalar::Signed(bits) => {
            let most = i128::MAX >> 128_u32.saturating_sub(bits.into());
            let least = match i64::try_from(-most - 1) {
                Ok(least) => Value::from(least),
                Err(_) => number(most.unsigned_abs())
                    .as_f64()
                    .map(|most| -most)
                    .into(),
            };
            let most = number(most.unsigned_abs());
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Scalar::Float(_) => json!({ "type": "number" }),
        Scalar::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
        Scalar::String => json!({ "type": "string" }),
        Scalar::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
    }
}

/// A number of a schema; of 128 bits as near as a double comes.
#[expect(
    clippy::cast_precision_loss,
    reason = "a bound that is too large for an integer of JSON is said roughly"
)]
fn number(number: u128) -> Value {
    match u64::try_from(number) {
        Ok(number) => number.into(),
        Err(_) => (number as f64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::{self, DataType};

    fn schemas(types: &[DataType]) -> BTreeMap<String, Value> {
        let shape = Shape::described(types, 0).unwrap();
        shape.json_schemas("#/schemas/", "Loan")
    }

    fn field(name: &str, value: u32) -> guest::Field {
        guest::Field {
            name: name.to_owned(),
            value,
            has_default: false,
        }
    }

    #[test]
    fn a_record_says_what_it_needs_and_refers_to_what_it_contains() {
        let found = schemas(&[
            DataType::Record(vec![
                field("id", 1),
                field("note", 2),
                field("parts", 4),
                guest::Field {
                    has_default: true,
                    ..field("count", 1)
                },
            ]),
            DataType::Scalar(guest::Scalar::U64),
            DataType::Optional(3),
            DataType::Scalar(guest::Scalar::String),
            DataType::List(0),
        ]);
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            [(
                "Loan".to_owned(),
                json!({
                    "type": "object",
                    "properties": {
                        "id": { "type": "integer", "minimum": 0, "maximum": u64::MAX },
                        "note": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
                        "parts": { "type": "array", "items": { "$ref": "#/schemas/Loan" } },
                        "count": { "type": "integer", "minimum": 0, "maximum": u64::MAX },
                    },
                    "required": ["id", "parts"],
                })
            )]
        );
    }

    #[test]
    fn what_is_used_often_is_written_once() {
        // Each is a pair of the next: written out there would be 2^20 of the last.
        let mut types: Vec<_> = (1..=20)
            .map(|next| DataType::Tuple(vec![next, next]))
            .collect();
        types.push(DataType::Scalar(guest::Scalar::Bool));
        let shape = Shape::described(&types, 0).unwrap();
        let found = shape.json_schemas("#/schemas/", "Pairs");
        assert_eq!(found.len(), 20);
        assert!(serde_json::to_string(&found).unwrap().len() < 10_000);
    }

    #[test]
    fn however_deep_types_nest_no_schema_is_deep() {
        let mut types: Vec<_> = (1..=900).map(DataType::List).collect();
        types.push(DataType::Scalar(guest::Scalar::Bool));
        let found = schemas(&types);
        assert_eq!(found.len(), 899);
        let last = json!({ "type": "array", "items": { "type": "boolean" } });
        assert_eq!(found["Loan.898"], json!({ "type": "array", "items": last }));
    }

    #[test]
    fn integers_have_their_bounds() {
        assert_eq!(scalar(Scalar::Unsigned(8))["maximum"], 255);
        assert_eq!(scalar(Scalar::Signed(8))["minimum"], -128);
        assert_eq!(scalar(Scalar::Signed(64))["minimum"], i64::MIN);
        assert!(scalar(Scalar::Signed(128))["minimum"].as_f64() < Some(-1e38));
        assert!(scalar(Scalar::Unsigned(128))["maximum"].as_f64() > Some(3e38));
    }
}
