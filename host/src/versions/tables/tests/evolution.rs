//! Random types, changes to them, and values: whatever the gate lets a version read, it can read.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Types, as trees.
#[derive(Clone, Debug)]
enum Tree {
    Scalar(guest::Scalar),
    Optional(Box<Tree>),
    List(Box<Tree>),
    Map(Box<Tree>, Box<Tree>),
    Tuple(Vec<Tree>),
    Record(Vec<(&'static str, bool, Tree)>),
    Variant(Vec<(&'static str, Option<Tree>)>),
}

impl Tree {
    fn flatten(&self, types: &mut Vec<DataType>) -> u32 {
        let place = types.len();
        types.push(U64);
        let flat = match self {
            Self::Scalar(one) => scalar(*one),
            Self::Optional(inner) => DataType::Optional(inner.flatten(types)),
            Self::List(inner) => DataType::List(inner.flatten(types)),
            Self::Map(key, value) => DataType::Map((key.flatten(types), value.flatten(types))),
            Self::Tuple(parts) => {
                DataType::Tuple(parts.iter().map(|part| part.flatten(types)).collect())
            }
            Self::Record(fields) => {
                let flat = fields
                    .iter()
                    .map(|(name, has_default, value)| guest::Field {
                        name: (*name).into(),
                        value: value.flatten(types),
                        has_default: *has_default,
                    });
                DataType::Record(flat.collect())
            }
            Self::Variant(cases) => {
                let flat = cases.iter().map(|(name, value)| {
                    case(name, value.as_ref().map(|value| value.flatten(types)))
                });
                DataType::Variant(flat.collect())
            }
        };
        types[place] = flat;
        u32::try_from(place).unwrap()
    }

    fn has_null(&self) -> bool {
        matches!(self, Self::Optional(_) | Self::Scalar(guest::Scalar::Unit))
    }

    /// A value as docs/state.md says that it is written; what is chosen where there is a choice comes of the seed.
    fn write(&self, seed: &mut u64) -> Value {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let chance = *seed >> 33;
        let length = chance % 3;
        match self {
            Self::Scalar(guest::Scalar::Unit) => Value::Null,
            Self::Scalar(guest::Scalar::Bool) => chance.is_multiple_of(2).into(),
            Self::Scalar(guest::Scalar::U8) => (chance % 256).into(),
            Self::Scalar(guest::Scalar::S16) => (-(chance as i64 % 32_768)).into(),
            Self::Scalar(guest::Scalar::U64) if chance.is_multiple_of(2) => {
                u64::MAX.to_string().into()
            }
            Self::Scalar(guest::Scalar::U64) => chance.into(),
            Self::Scalar(guest::Scalar::Char) => "c".into(),
            Self::Scalar(_) => "text".into(),
            Self::Optional(_) if chance.is_multiple_of(2) => Value::Null,
            Self::Optional(inner) if inner.has_null() => {
                serde_json::json!({"some": inner.write(seed)})
            }
            Self::Optional(inner) => inner.write(seed),
            Self::List(inner) => (0..length).map(|_| inner.write(seed)).collect(),
            Self::Map(key, value) if matches!(**key, Self::Scalar(guest::Scalar::String)) => {
                let members = (0..length).map(|number| (number.to_string(), value.write(seed)));
                Value::Object(members.collect())
            }
            Self::Map(key, value) => (0..length)
                .map(|_| Value::Array(vec![key.write(seed), value.write(seed)]))
                .collect(),
            Self::Tuple(parts) => parts.iter().map(|part| part.write(seed)).collect(),
            Self::Record(fields) => {
                let members = fields
                    .iter()
                    .map(|(name, _, value)| ((*name).to_owned(), value.write(seed)));
                Value::Object(members.collect())
            }
            Self::Variant(cases) => {
                let (name, value) = &cases[chance as usize % cases.len()];
                match value {
                    None => (*name).into(),
                    Some(value) => serde_json::json!({*name: value.write(seed)}),
                }
            }
        }
    }

    /// Whether a value is read, as docs/state.md says that it is.
    fn reads(&self, json: &Value) -> bool {
        let number = |least: i128, most: i128| {
            let number = match json {
                Value::String(text) => text.parse().ok(),
                json => json
                    .as_i64()
                    .map(i128::from)
                    .or_else(|| json.as_u64().map(i128::from)),
            };
            number.is_some_and(|number| (least..=most).contains(&number))
        };
        match self {
            Self::Scalar(guest::Scalar::Unit) => json.is_null(),
            Self::Scalar(guest::Scalar::Bool) => json.is_boolean(),
            Self::Scalar(guest::Scalar::U8) => number(0, 255),
            Self::Scalar(guest::Scalar::S16) => number(-32_768, 32_767),
            Self::Scalar(guest::Scalar::U64) => number(0, u64::MAX.into()),
            Self::Scalar(guest::Scalar::Char) => {
                json.as_str().is_some_and(|text| text.chars().count() == 1)
            }
            Self::Scalar(_) => json.is_string(),
            Self::Optional(_) if json.is_null() => true,
            Self::Optional(inner) if inner.has_null() => {
                json.get("some").is_some_and(|json| inner.reads(json))
            }
            Self::Optional(inner) => inner.reads(json),
            Self::List(inner) => json
                .as_array()
                .is_some_and(|items| items.iter().all(|item| inner.reads(item))),
            Self::Map(key, value) if matches!(**key, Self::Scalar(guest::Scalar::String)) => json
                .as_object()
                .is_some_and(|members| members.values().all(|json| value.reads(json))),
            Self::Map(key, value) => {
                let pair = Self::Tuple(vec![(**key).clone(), (**value).clone()]);
                Self::List(Box::new(pair)).reads(json)
            }
            Self::Tuple(parts) => json.as_array().is_some_and(|items| {
                items.len() == parts.len()
                    && items.iter().zip(parts).all(|(json, part)| part.reads(json))
            }),
            Self::Record(fields) => json.as_object().is_some_and(|members| {
                fields
                    .iter()
                    .all(|(name, has_default, value)| match members.get(*name) {
                        Some(json) => value.reads(json),
                        None => *has_default || matches!(value, Self::Optional(_)),
                    })
            }),
            Self::Variant(cases) => cases.iter().any(|(name, value)| match value {
                None => json == name,
                Some(value) => json.get(name).is_some_and(|json| value.reads(json)),
            }),
        }
    }
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn trees() -> impl Strategy<Value = Tree> {
    let scalars = prop::sample::select(vec![
        guest::Scalar::Unit,
        guest::Scalar::Bool,
        guest::Scalar::U8,
        guest::Scalar::S16,
        guest::Scalar::U64,
        guest::Scalar::Char,
        guest::Scalar::String,
    ]);
    let names = || prop::sample::subsequence(NAMES.to_vec(), 1..=3).prop_shuffle();
    scalars
        .prop_map(Tree::Scalar)
        .prop_recursive(3, 12, 3, move |inner| {
            let some = prop::collection::vec((any::<bool>(), inner.clone()), 3);
            let fields = (names(), some.clone()).prop_map(|(names, values)| {
                let fields = names.into_iter().zip(values);
                Tree::Record(
                    fields
                        .map(|(name, (has, value))| (name, has, value))
                        .collect(),
                )
            });
            let cases = (names(), some).prop_map(|(names, values)| {
                let cases = names.into_iter().zip(values);
                Tree::Variant(
                    cases
                        .map(|(name, (has, value))| (name, has.then_some(value)))
                        .collect(),
                )
            });
            prop_oneof![
                inner
                    .clone()
                    .prop_map(|inner| Tree::Optional(Box::new(inner))),
                inner.clone().prop_map(|inner| Tree::List(Box::new(inner))),
                (inner.clone(), inner.clone())
                    .prop_map(|(key, value)| Tree::Map(Box::new(key), Box::new(value))),
                prop::collection::vec(inner, 1..3).prop_map(Tree::Tuple),
                fields.clone(),
                fields,
                cases,
            ]
        })
}

/// A tree, and one that came of it by a change somewhere.
fn pairs() -> impl Strategy<Value = (Tree, Tree)> {
    let changed = (trees(), trees(), any::<u64>()).prop_map(|(tree, other, seed)| {
        let changed = change(&tree, &other, seed);
        (tree, changed)
    });
    prop_oneof![1 => (trees(), trees()), 4 => changed]
}

fn change(tree: &Tree, other: &Tree, seed: u64) -> Tree {
    let next = seed / 7;
    match (tree, seed % 7) {
        (tree, 0) => Tree::Optional(Box::new(tree.clone())),
        (_, 1) => other.clone(),
        (Tree::Optional(inner), 2) => (**inner).clone(),
        (Tree::Optional(inner), _) => Tree::Optional(Box::new(change(inner, other, next))),
        (Tree::List(inner), _) => Tree::List(Box::new(change(inner, other, next))),
        (Tree::Map(key, value), 2) => Tree::Map(Box::new(change(key, other, next)), value.clone()),
        (Tree::Map(key, value), _) => Tree::Map(key.clone(), Box::new(change(value, other, next))),
        (Tree::Record(fields), choice) => {
            let mut fields = fields.clone();
            match choice {
                2 => fields.reverse(),
                3 => drop(fields.pop()),
                4 => {
                    let free = NAMES
                        .iter()
                        .find(|name| fields.iter().all(|one| one.0 != **name));
                    fields.extend(free.map(|name| (*name, next.is_multiple_of(2), other.clone())));
                }
                _ => {
                    let place = next as usize % fields.len().max(1);
                    if let Some(field) = fields.get_mut(place) {
                        field.2 = change(&field.2, other, next / 3);
                    }
                }
            }
            Tree::Record(fields)
        }
        (Tree::Variant(cases), choice) => {
            let mut cases = cases.clone();
            match choice {
                2 => cases.reverse(),
                3 if cases.len() > 1 => drop(cases.pop()),
                _ => {
                    let free = NAMES
                        .iter()
                        .find(|name| cases.iter().all(|one| one.0 != **name));
                    cases.extend(free.map(|name| (*name, Some(other.clone()))));
                }
            }
            Tree::Variant(cases)
        }
        (tree, _) => tree.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_said_to_be_read_is_read((writer, reader) in pairs(), seed in any::<u64>()) {
        let flat = |tree: &Tree| {
            let mut types = Vec::new();
            tree.flatten(&mut types);
            described(types).unwrap()
        };
        let reading = flat(&reader).read(&flat(&writer));
        prop_assert!(flat(&writer).read(&flat(&writer)).is_exact());
        let mut seed = seed;
        let values: Vec<_> = (0..40).map(|_| writer.write(&mut seed)).collect();
        let unread = values.iter().find(|value| !reader.reads(value));
        if reading.is_complete() {
            prop_assert_eq!(unread, None);
        }
    }
}
