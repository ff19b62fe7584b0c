use std::collections::BTreeMap;

use serde_json::json;

use crate::bindings::innkeeper::context::types::{DataType, Scalar};
use crate::prelude::*;
use crate::record::Types;

/// Everything that a type of an event may be made of, as serde writes it and as it is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
struct Everything {
    plain_number: u64,
    #[serde(rename = "Named")]
    other_name: i8,
    #[serde(skip_serializing_if = "Option::is_none")]
    may_be_missing: Option<String>,
    #[serde(default)]
    by_default: bool,
    #[serde(skip)]
    never: u8,
    bytes: Vec<u8>,
    pairs: BTreeMap<String, (char, f64)>,
    wrapped: Wrapped,
    several: Several,
    cases: Vec<Cases>,
    empty: Empty,
    r#type: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, EventData)]
pub struct Wrapped(u16);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, EventData)]
struct Several(u16, Option<bool>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, EventData)]
struct Empty;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, EventData)]
#[serde(rename_all = "kebab-case", rename_all_fields = "SCREAMING_SNAKE_CASE")]
enum Cases {
    NothingAtAll,
    OneThing(String),
    TwoThings(u8, u8),
    #[serde(rename_all = "PascalCase")]
    WithNames {
        first_name: u8,
    },
    OtherNames {
        last_name: u8,
    },
    #[serde(rename = "!")]
    Renamed,
}

/// Whether JSON has the shape that was told.
fn fits(types: &[DataType], place: u32, json: &serde_json::Value) -> Result<(), String> {
    let refused = |what: &DataType| Err(format!("{json} is no {what:?}"));
    let data_type = &types[place as usize];
    match data_type {
        DataType::Scalar(scalar) => match scalar {
            Scalar::Unit if json.is_null() => Ok(()),
            Scalar::Bool if json.is_boolean() => Ok(()),
            Scalar::String | Scalar::Char if json.is_string() => Ok(()),
            Scalar::F64 if json.is_number() => Ok(()),
            Scalar::U8 | Scalar::U16 | Scalar::U64 if json.is_u64() => Ok(()),
            Scalar::S8 if json.is_i64() => Ok(()),
            _ => refused(data_type),
        },
        DataType::Optional(_) if json.is_null() => Ok(()),
        DataType::Optional(inner) => fits(types, *inner, json),
        DataType::List(inner) => {
            let list = json.as_array().ok_or(format!("{json} is no list"))?;
            list.iter().try_for_each(|item| fits(types, *inner, item))
        }
        DataType::Map((_, value)) => {
            let map = json.as_object().ok_or(format!("{json} is no object"))?;
            map.values().try_for_each(|item| fits(types, *value, item))
        }
        DataType::Tuple(parts) => {
            let list = json.as_array().ok_or(format!("{json} is no list"))?;
            assert_eq!(list.len(), parts.len(), "{json}");
            let mut both = list.iter().zip(parts);
            both.try_for_each(|(item, part)| fits(types, *part, item))
        }
        DataType::Record(fields) => {
            let object = json.as_object().ok_or(format!("{json} is no object"))?;
            let known = |name: &String| fields.iter().any(|field| field.name == *name);
            if let Some(name) = object.keys().find(|name| !known(name)) {
                return Err(format!("{name} is not told"));
            }
            fields
                .iter()
                .try_for_each(|field| match object.get(&field.name) {
                    Some(value) => fits(types, field.value, value),
                    None if matches!(types[field.value as usize], DataType::Optional(_)) => Ok(()),
                    None => Err(format!("{} is not in {json}", field.name)),
                })
        }
        DataType::Variant(cases) => {
            let (name, value) = match json {
                serde_json::Value::String(name) => (name, None),
                json => {
                    let object = json.as_object().ok_or(format!("{json} is no case"))?;
                    let (name, value) = object.iter().next().ok_or("no case")?;
                    (name, Some(value))
                }
            };
            let case = cases.iter().find(|case| case.name == *name);
            match (case.map(|case| case.value), value) {
                (Some(None), None) => Ok(()),
                (Some(Some(place)), Some(value)) => fits(types, place, value),
                _ => Err(format!("{json} is none of {cases:?}")),
            }
        }
    }
}

#[test]
fn what_is_told_is_what_serde_writes() {
    let all = Everything {
        plain_number: 1,
        other_name: -1,
        may_be_missing: None,
        by_default: true,
        never: 7,
        bytes: vec![1, 2],
        pairs: BTreeMap::from([("a".into(), ('b', 0.5))]),
        wrapped: Wrapped(3),
        several: Several(4, None),
        cases: vec![
            Cases::NothingAtAll,
            Cases::OneThing("x".into()),
            Cases::TwoThings(1, 2),
            Cases::WithNames { first_name: 1 },
            Cases::OtherNames { last_name: 1 },
            Cases::Renamed,
        ],
        empty: Empty,
        r#type: "t".into(),
    };
    let mut types = Types::default();
    let place = types.in_events::<Everything>();
    let types = types.into_list();
    for all in [
        all.clone(),
        Everything {
            may_be_missing: Some("here".into()),
            ..all
        },
    ] {
        let json = serde_json::to_value(&all).unwrap();
        assert_eq!(fits(&types, place, &json), Ok(()));
    }
    // It is the test that would see a difference.
    assert!(fits(&types, place, &json!({"plainNumber": "1"})).is_err());
}

crate::events! {
    /// Of a type that says what it is.
    pub Told: Wrapped,
    /// Of one that does not.
    pub Untold: Text<5>,
}

#[test]
fn an_event_is_described_where_its_type_says_what_it_is() {
    let mut types = Types::default();
    assert_eq!(<Told as crate::Event>::data_type(&mut types), Some(0));
    assert_eq!(<Untold as crate::Event>::data_type(&mut types), None);
    assert!(matches!(
        types.into_list()[..],
        [DataType::Scalar(Scalar::U16)]
    ));
}

mod desk {
    use super::*;

    fn hear(_: Wrapped) -> Outcome {
        Ok(())
    }

    crate::context! {
        summary: "Hears.",
        publishes: [Told, Untold],
        follows: { "desk": Told => hear, "bell": Told => hear },
    }
}

#[test]
fn a_context_tells_what_it_publishes_and_what_it_reads() {
    let described = <desk::Component as crate::Context>::describe();
    let events: Vec<_> = described
        .events
        .iter()
        .map(|event| (event.source.as_deref(), event.kind.as_str(), event.value))
        .collect();
    assert_eq!(
        events,
        [
            (None, "Told", 0),
            (Some("desk"), "Told", 0),
            (Some("bell"), "Told", 0)
        ]
    );
}

/// What is written, which is read back as the same.
fn written<T: Serialize + serde::de::DeserializeOwned + PartialEq + core::fmt::Debug>(
    value: T,
) -> String {
    let json = serde_json::to_string(&value).unwrap();
    assert_eq!(serde_json::from_str::<T>(&json).unwrap(), value);
    json
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Beds {
    Single,
}

/// Other languages read and write the data of events by the same vectors.
#[test]
fn the_vectors_of_events_are_what_serde_writes() {
    let vectors = include_str!("../../wit/records.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let expected: BTreeMap<String, Vec<String>> =
        serde_json::from_value(vectors["events"].clone()).unwrap();
    let found: [(&str, Vec<String>); 15] = [
        ("u64", [0, (1 << 53) + 1, u64::MAX].map(written).into()),
        ("s64", [-(1_i64 << 53) - 1, i64::MIN].map(written).into()),
        ("u128", vec![written(u128::MAX)]),
        ("s128", vec![written(i128::MIN)]),
        ("f64", [0.1, f64::MAX].map(written).into()),
        ("f32", vec![written(0.1_f32)]),
        // One `null` stands for both.
        (
            "option<option<u8>>",
            vec![
                written(Some(Some(1_u8))),
                serde_json::to_string(&Some(None::<u8>)).unwrap(),
            ],
        ),
        ("list<u8>", vec![written(vec![0_u8, 255])]),
        (
            "map<string, u8>",
            vec![written(BTreeMap::from([("a/b".to_owned(), 1_u8)]))],
        ),
        (
            "map<u32, bool>",
            vec![written(BTreeMap::from([(7_u32, true), (8, false)]))],
        ),
        (
            "map<u64, u8>",
            vec![written(BTreeMap::from([(u64::MAX, 1_u8)]))],
        ),
        (
            "map<s8, u8>",
            vec![written(BTreeMap::from([(-7_i8, 1_u8)]))],
        ),
        (
            "map<bool, u8>",
            vec![written(BTreeMap::from([(true, 1_u8)]))],
        ),
        (
            "map<char, u8>",
            vec![written(BTreeMap::from([('🛏', 1_u8)]))],
        ),
        (
            "map<variant { single, twin }, u8>",
            vec![written(BTreeMap::from([(Beds::Single, 1_u8)]))],
        ),
    ];
    let found = found.map(|(name, texts)| (name.to_owned(), texts));
    assert_eq!(BTreeMap::from(found), expected);
}
