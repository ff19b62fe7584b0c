use serde_json::json;

use super::*;
use crate::guest::{self, Field};

fn field(name: &str, value: u32) -> Field {
    Field {
        name: name.to_owned(),
        value,
        has_default: false,
    }
}

fn types() -> Vec<DataType> {
    vec![
        DataType::Record(vec![field("desc", 1), field("beds", 2), field("next", 3)]),
        DataType::Scalar(guest::Scalar::String),
        DataType::Scalar(guest::Scalar::U8),
        DataType::Optional(0),
        DataType::Record(vec![field("desc", 1)]),
        DataType::Tuple(vec![1, 2]),
    ]
}

fn said(all: Vec<(u32, Annotation)>) -> Result<AnnotatedTypes, String> {
    let annotated = all
        .into_iter()
        .map(|(value, annotation)| Annotated { value, annotation });
    AnnotatedTypes::said(&types(), &annotated.collect::<Vec<_>>(), [0, 3, 4, 5])
}

fn range(least: i64, most: i64) -> Range {
    Range {
        least: Some(least),
        most: Some(most),
    }
}

#[test]
fn what_is_said_of_types_narrows_their_schemas_and_names_them() {
    let found = said(vec![
        (0, Annotation::Name("New Room".into())),
        (0, Annotation::Description("What a client sets.".into())),
        (0, Annotation::Closed),
        (1, Annotation::Length(range(1, 20))),
        (1, Annotation::Pattern("\\S".into())),
        (2, Annotation::Value(range(1, 4))),
        (4, Annotation::Name("New Room".into())),
        (99, Annotation::Closed),
    ]);
    let found = found.unwrap();
    let text = json!({ "type": "string", "minLength": 1, "maxLength": 20, "pattern": "\\S" });
    let beds = json!({ "type": "integer", "minimum": 1, "maximum": 4 });
    let next = json!({ "anyOf": [{ "$ref": "#/desk.New_Room" }, { "type": "null" }] });
    assert_eq!(
        json!(found.json_schemas("#/desk.")),
        json!({
            "New_Room": {
                "type": "object",
                "description": "What a client sets.",
                "properties": { "desc": text, "beds": beds, "next": next },
                "required": ["desc", "beds"],
                "additionalProperties": false,
            },
            "New_Room-2": { "type": "object", "properties": { "desc": text }, "required": ["desc"] },
            "type-3": { "type": "array", "prefixItems": [text, beds], "minItems": 2, "maxItems": 2 },
        })
    );
    assert_eq!(found.json_schema("#/desk.", 3), next);
    assert!(found.is_optional(3) && !found.is_optional(0));
    let there = json!({ "$ref": "#/desk.New_Room" });
    assert_eq!(found.json_schema_of_what_is_there("#/desk.", 3), there);
}

fn keyword(name: &str, value: &str) -> Annotation {
    Annotation::Keyword((name.into(), value.into()))
}

#[test]
fn whatever_else_json_schema_knows_is_said_by_its_keyword() {
    let found = said(vec![
        (1, keyword("format", "\"email\"")),
        (1, keyword("x-unit", "{\"of\": [1.5, null]}")),
        (2, keyword("maximum", "1")),
        (4, keyword("deprecated", "true")),
        (4, keyword("type", "\"string\"")),
    ]);
    let email = json!({ "type": "string", "format": "email", "x-unit": { "of": [1.5, null] } });
    let found = found.unwrap().json_schemas("#/");
    // What the type is made of stays.
    let beds = json!({ "type": "integer", "minimum": 0, "maximum": 255 });
    assert_eq!(found["type-0"]["properties"]["beds"], beds);
    assert_eq!(
        found["type-2"],
        json!({
            "type": "object",
            "properties": { "desc": email },
            "required": ["desc"],
            "deprecated": true,
        })
    );
    let twice = vec![(1, keyword("format", "1")), (1, keyword("format", "2"))];
    let refused = said(twice).unwrap_err();
    assert!(refused.contains("format is said twice"), "{refused}");
}

#[test]
fn what_cannot_be_said_of_a_type_is_refused() {
    let long = |length: usize| "x".repeat(length);
    for (value, annotation, says) in [
        (1, Annotation::Closed, "closed, and no record"),
        (2, Annotation::Length(range(1, 2)), "is no text"),
        (2, Annotation::Pattern("x".into()), "is no text"),
        (1, Annotation::Value(range(1, 2)), "is no integer"),
        (2, Annotation::Value(range(2, 1)), "nothing is from 2 to 1"),
        (0, Annotation::Name(String::new()), "a name is empty"),
        (0, Annotation::Name(long(129)), "at most 128"),
        (0, Annotation::Description(long(5000)), "at most 4096"),
        (1, Annotation::Pattern(long(257)), "at most 256"),
        (1, keyword("", "1"), "a keyword is empty"),
        (1, keyword(&long(65), "1"), "at most 64"),
        (1, keyword("$ref", "\"#/x\""), "letters, digits and hyphens"),
        (1, keyword("format", ""), "the keyword format is empty"),
        (1, keyword("format", &long(5000)), "at most 4096"),
        (
            1,
            keyword("format", "email"),
            "the keyword format is no JSON",
        ),
        (
            1,
            keyword("not", "[{\"x\": {\"$ref\": \"#\"}}]"),
            "may refer to nothing",
        ),
    ] {
        let refused = said(vec![(value, annotation)]).unwrap_err();
        assert!(refused.contains(says), "{refused}");
    }
    let refused = AnnotatedTypes::said(&types(), &[], [6]).unwrap_err();
    assert_eq!(refused, "there is no type 6");
}
