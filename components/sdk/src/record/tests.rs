//! What is written is what `docs/state.md` says, and can always be read back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use innkeeper_sdk_derive::Record;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::*;
use crate::Table;
use crate::testing::TestContext;

fn text<T: Record>(value: &T) -> String {
    String::from_utf8(encode(value).unwrap()).unwrap()
}

/// Is written so, and read back as it was.
fn is<T: Record + PartialEq + Debug>(value: T, json: &str) {
    assert_eq!(text(&value), json);
    assert_eq!(decode::<T>(json.as_bytes()), Ok(value));
}

fn fault<T: Record + Debug>(json: &str) -> String {
    decode::<T>(json.as_bytes()).unwrap_err().to_string()
}

#[derive(Debug, Clone, PartialEq, Record)]
struct Room {
    room_id: u64,
    desc: String,
    hold: Option<Hold>,
    #[record(default)]
    stars: u8,
    #[record(rename = "type")]
    kind: Kind,
    next: Option<Box<Room>>,
}

#[derive(Debug, Clone, PartialEq, Record)]
struct Hold {
    rsv_id: u64,
    confirmed: bool,
}

#[derive(Debug, Clone, PartialEq, Record)]
enum Kind {
    Single,
    #[record(rename = "twin")]
    Double,
    Suite(u32),
    Nested(Option<u8>),
    Pair(u8, String),
    Named {
        name: String,
        #[record(default)]
        floor: i8,
    },
    Empty {},
    None(),
}

#[derive(Debug, Clone, PartialEq, PartialOrd, Eq, Ord, Record)]
struct Id(String);

#[derive(Debug, Clone, PartialEq, Record)]
struct Maybe(Option<u8>);

#[derive(Debug, Clone, PartialEq, Record)]
struct Both(u8, bool);

#[derive(Debug, Clone, PartialEq, Record)]
struct Unit;

#[derive(Debug, Clone, PartialEq, Record)]
struct NoFields {}

#[derive(Debug, PartialEq, Record)]
struct Chain(Option<Box<Chain>>);

#[test]
fn the_vectors_are_written_and_read_so() {
    let vectors = include_str!("../../wit/records.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let mut written: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut note = |ty: &str, json: String| written.entry(ty.into()).or_default().push(json);
    note("bool", text(&true));
    for number in [0_u64, (1 << 53) - 1, 1 << 53, u64::MAX] {
        note("u64", text(&number));
    }
    for number in [-7_i64, -(1 << 53) + 1, -(1 << 53), i64::MIN] {
        note("s64", text(&number));
    }
    note("u128", text(&u128::MAX));
    note("s8", text(&i8::MIN));
    for number in [0.1 + 0.2, 1.0, -0.0, 5e-324, f64::MAX] {
        note("f64", text(&number));
    }
    note("f64", text(&f64::NAN));
    note("f64", text(&f64::NEG_INFINITY));
    note("f32", text(&0.1_f32));
    note("char", text(&'🛏'));
    note("string", text(&"a \"bed\"\n\u{7}🛏".to_owned()));
    note("bytes", text(&vec![0_u8, 255, 16]));
    note("unit", text(&()));
    note("option<u8>", text(&Some(1_u8)));
    note("option<u8>", text(&None::<u8>));
    note("option<option<u8>>", text(&Some(Some(1_u8))));
    note("option<option<u8>>", text(&Some(None::<u8>)));
    note("option<option<u8>>", text(&None::<Option<u8>>));
    note("list<u16>", text(&vec![1_u16, 2]));
    note("tuple<u8, string>", text(&(1_u8, "a".to_owned())));
    note(
        "map<string, u8>",
        text(&BTreeMap::from([("a".to_owned(), 1_u8)])),
    );
    note(
        "map<u32, bool>",
        text(&BTreeMap::from([(7_u32, true), (8, false)])),
    );
    note(
        "record { rsv_id: u64, confirmed: bool }",
        text(&Hold {
            rsv_id: 7,
            confirmed: true,
        }),
    );
    let variant = "variant { Single, twin, Suite(u32), Pair(tuple<u8, string>), Named(record { name: string, floor: s8 }) }";
    for kind in [
        Kind::Single,
        Kind::Double,
        Kind::Suite(7),
        Kind::Pair(1, "a".into()),
        Kind::Named {
            name: "Beautiful House".into(),
            floor: -1,
        },
    ] {
        note(variant, text(&kind));
    }
    let expected: BTreeMap<String, Vec<String>> =
        serde_json::from_value(vectors["values"].clone()).unwrap();
    assert_eq!(written, expected);
    let keys = vectors["keys"].as_object().unwrap();
    assert_eq!(
        Table::<u64, ()>::new("rooms").key(&43_981),
        keys["rooms [number] 43981"]
    );
    assert_eq!(
        Table::<(u64, u64), ()>::new("by-words").key(&(3, u64::MAX)),
        keys["by-words [number, number] 3, 18446744073709551615"]
    );
    assert_eq!(
        Table::<&str, ()>::new("titles").key(&"a/b 🛏"),
        keys["titles [text] a/b 🛏"]
    );
    let by_name = Table::<(String, u64), ()>::new("by-name");
    assert_eq!(
        by_name.key(&("a/b", 7)),
        keys["by-name [text, number] a/b, 7"]
    );
    assert_eq!(
        by_name.key(&("\0\u{1}\u{2}", 7)),
        keys["by-name [text, number] U+0000 U+0001 U+0002, 7"]
    );
    assert_eq!(
        Table::<(String, String), ()>::new("by-both").key(&("a\u{1}", "b\u{1}")),
        keys["by-both [text, text] a U+0001, b U+0001"]
    );
    assert_eq!(
        Table::<(u64, String, u64), ()>::new("by-three").key(&(1, "", 2)),
        keys["by-three [number, text, number] 1, an empty one, 2"]
    );
}

#[test]
fn the_vectors_of_what_is_no_value_are_refused() {
    fn read<T: Record>(json: &str) -> bool {
        decode::<T>(json.as_bytes()).is_ok()
    }
    let types: BTreeMap<&str, fn(&str) -> bool> = BTreeMap::from([
        ("bool", read::<bool> as fn(&str) -> bool),
        ("u64", read::<u64>),
        ("s64", read::<i64>),
        ("u128", read::<u128>),
        ("s8", read::<i8>),
        ("f64", read::<f64>),
        ("char", read::<char>),
        ("string", read::<String>),
        ("bytes", read::<Vec<u8>>),
        ("unit", read::<()>),
        ("option<u8>", read::<Option<u8>>),
        ("option<option<u8>>", read::<Option<Option<u8>>>),
        ("list<u16>", read::<Vec<u16>>),
        ("tuple<u8, string>", read::<(u8, String)>),
        ("map<string, u8>", read::<BTreeMap<String, u8>>),
        ("map<u32, bool>", read::<BTreeMap<u32, bool>>),
        ("record { rsv_id: u64, confirmed: bool }", read::<Hold>),
        (
            "variant { Single, twin, Suite(u32), Pair(tuple<u8, string>), Named(record { name: string, floor: s8 }) }",
            read::<Kind>,
        ),
    ]);
    let vectors: Value = serde_json::from_str(include_str!("../../wit/records.json")).unwrap();
    let refused: BTreeMap<String, Vec<String>> =
        serde_json::from_value(vectors["refused"].clone()).unwrap();
    assert_eq!(
        types.keys().copied().collect::<Vec<_>>(),
        refused.keys().map(String::as_str).collect::<Vec<_>>()
    );
    for (name, texts) in &refused {
        for json in texts {
            assert!(!types[name.as_str()](json), "{name}: {json}");
        }
    }
}

#[test]
fn a_record_is_read_back_whatever_it_is_made_of() {
    is(Id("a".into()), r#""a""#);
    is(Some(Maybe(None)), r#"{"some":null}"#);
    is(Some(Unit), r#"{"some":null}"#);
    is(None::<Unit>, "null");
    is(Both(1, true), "[1,true]");
    is(NoFields {}, "{}");
    is(Kind::Empty {}, r#"{"Empty":{}}"#);
    is(Kind::None(), r#""None""#);
    is(Kind::Nested(None), r#"{"Nested":null}"#);
    is(Chain(Some(Box::new(Chain(None)))), r#"{"some":null}"#);
    is(BTreeSet::from([2_u8, 1]), "[1,2]");
    is(BTreeMap::from([(Id("a".into()), 1_u8)]), r#"{"a":1}"#);
    is(
        BTreeMap::from([((1_u8, true), Maybe(Some(2)))]),
        "[[[1,true],2]]",
    );
    is(vec![vec![1_u8], vec![]], r#"["AQ==",""]"#);
    is(Box::new(7_u8), "7");
}

#[test]
fn numbers_are_the_same_to_their_last_bit() {
    // A sequence of numbers without a pattern, the same each time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..5_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let number = f64::from_bits(state);
        let back: f64 = decode(text(&number).as_bytes()).unwrap();
        assert!(
            back.to_bits() == number.to_bits() || number.is_nan() && back.is_nan(),
            "{number:e}"
        );
        let number = f32::from_bits(state as u32);
        let back: f32 = decode(text(&number).as_bytes()).unwrap();
        assert!(back.to_bits() == number.to_bits() || number.is_nan() && back.is_nan());
        let shift = (state >> 58) as u32;
        for number in [state, state >> shift] {
            assert_eq!(decode(text(&number).as_bytes()), Ok(number));
            assert_eq!(decode(text(&(number as i64)).as_bytes()), Ok(number as i64));
            let wide = u128::from(number) << shift;
            assert_eq!(decode(text(&wide).as_bytes()), Ok(wide));
            assert_eq!(
                decode(text(&(-(wide as i128))).as_bytes()),
                Ok(-(wide as i128))
            );
            // A double, which is what other languages have, holds whatever is written as a number.
            if let Ok(seen) = text(&number).parse::<f64>() {
                assert_eq!(seen as u64, number);
            }
        }
    }
}

#[test]
fn fields_are_known_by_their_names() {
    let room = decode::<Room>(
        br#" {"type": "Single", "gone": [1, {"a": null}], "desc": "quiet", "room_id": "7"} "#,
    );
    let room = room.unwrap();
    assert_eq!(
        room,
        Room {
            room_id: 7,
            desc: "quiet".into(),
            hold: None,
            stars: 0,
            kind: Kind::Single,
            next: None
        }
    );
    let nested = Room {
        next: Some(Box::new(room.clone())),
        hold: Some(Hold {
            rsv_id: u64::MAX,
            confirmed: false,
        }),
        ..room
    };
    assert_eq!(decode(&encode(&nested).unwrap()), Ok(nested));
}

#[test]
fn what_cannot_be_read_says_where() {
    assert!(fault::<Hold>("{}").starts_with("missing field `rsv_id`"));
    for (json, says) in [
        (
            r#"{"rsv_id": -1, "confirmed": true}"#,
            "rsv_id: invalid value",
        ),
        (
            r#"{"rsv_id": 1.5, "confirmed": true}"#,
            "rsv_id: invalid type",
        ),
        (
            r#"{"rsv_id": null, "confirmed": true}"#,
            "rsv_id: invalid type: null",
        ),
        (
            r#"{"rsv_id": 1, "confirmed": "yes"}"#,
            "confirmed: invalid type",
        ),
        ("[1, true]", "invalid type: sequence, expected an object"),
        ("null", "invalid type: null, expected an object"),
        ("", "EOF"),
        (r#"{"rsv_id": 1, "confirmed": true} 7"#, "trailing"),
    ] {
        let fault = fault::<Hold>(json);
        assert!(fault.contains(says), "{json}: {fault}");
    }
    let fault = fault::<Kind>(r#""Triple""#);
    assert!(fault.contains("Single, twin, Suite"), "{fault}");
    assert!(decode::<Vec<u8>>(b"[1]").is_err());
    assert!(decode::<(u8, u8)>(b"[1]").is_err() && decode::<(u8, u8)>(b"[1,2,3]").is_err());
    assert!(decode::<Option<()>>(br#"{"other": 1}"#).is_err());
}

/// What serde is told says how it looks to clients; the state does not care. All of these could be written by serde, and never read again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
struct Dressed {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rooms: Vec<u64>,
    #[serde(skip_serializing)]
    secret: String,
    #[serde(flatten)]
    rest: Rest,
    tagged: Tagged,
    either: Either,
    #[serde(rename(serialize = "one", deserialize = "other"))]
    named: u8,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
struct Rest {
    count: BTreeMap<u64, u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[serde(tag = "kind")]
enum Tagged {
    Numbers { by_room: BTreeMap<u64, u128> },
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Record)]
#[serde(untagged)]
enum Either {
    Small(u8),
    Large(u64),
    Text(String),
}

#[test]
fn what_serde_is_told_makes_no_record_unreadable() {
    let dressed = Dressed {
        rooms: vec![],
        secret: "kept".into(),
        rest: Rest {
            count: BTreeMap::from([(1, 2)]),
        },
        tagged: Tagged::Numbers {
            by_room: BTreeMap::from([(1, u128::MAX)]),
        },
        either: Either::Large(1),
        named: 7,
    };
    const TABLE: Table<u64, Dressed> = Table::new("dressed");
    TestContext::bare().run(|| {
        TABLE.put(1, &dressed).unwrap();
        assert_eq!(TABLE.get(1), Ok(Some(dressed)));
        let nothing = Dressed {
            tagged: Tagged::Nothing,
            either: Either::Text("1".into()),
            ..TABLE.get(1).unwrap().unwrap()
        };
        TABLE.put(1, &nothing).unwrap();
        assert_eq!(TABLE.get(1), Ok(Some(nothing)));
    });
}

/// A tree that is as deep as it is told.
#[derive(Debug, PartialEq, Record)]
struct Tree {
    branches: Vec<Tree>,
}

#[test]
fn what_would_be_too_deep_to_read_is_not_written() {
    fn tree(depth: usize) -> Tree {
        let branches = match depth {
            0 => vec![],
            depth => vec![tree(depth - 1)],
        };
        Tree { branches }
    }
    const TREES: Table<u64, Tree> = Table::new("trees");
    TestContext::bare().run(|| {
        TREES.put(1, &tree(15)).unwrap();
        assert_eq!(TREES.get(1), Ok(Some(tree(15))));
        let fault = TREES.put(1, &tree(16)).unwrap_err().to_string();
        assert!(
            fault.contains("a record of trees cannot be stored") && fault.contains("32 deep"),
            "{fault}"
        );
    });
    assert_eq!(depth(br#"{"a[[[\"[": "{{\\", "b": [[]]}"#), 3);
}

/// Written by hand, and not as it is read.
#[derive(Debug)]
struct Forgetful(u8);

impl Record for Forgetful {
    fn data_type(types: &mut Types) -> DataType {
        u8::data_type(types)
    }

    fn write_record<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write_record(serializer)
    }

    fn read_record<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::read_record(deserializer).map(|number| Self(number / 2))
    }
}

#[test]
fn what_is_written_by_hand_is_tried_under_test() {
    let fault = encode(&Forgetful(7)).unwrap_err().to_string();
    assert!(fault.contains("read back as something else"), "{fault}");
}

#[test]
fn the_types_are_told_once_each_and_may_contain_themselves() {
    let mut types = Types::default();
    let room = types.of::<Room>();
    assert_eq!(types.of::<Room>(), room);
    let list = types.into_list();
    let DataType::Record(fields) = &list[room as usize] else {
        panic!("{list:?}")
    };
    let names: Vec<_> = fields
        .iter()
        .map(|field| (field.name.as_str(), field.has_default))
        .collect();
    assert_eq!(
        names,
        [
            ("room_id", false),
            ("desc", false),
            ("hold", false),
            ("stars", true),
            ("type", false),
            ("next", false)
        ]
    );
    let DataType::Optional(inner) = list[fields[5].value as usize] else {
        panic!("{list:?}")
    };
    assert!(matches!(&list[inner as usize], DataType::Record(fields) if fields.len() == 6));
}

#[test]
#[should_panic(expected = "drafts is not one of the context's `tables`")]
fn under_test_only_the_tables_that_are_declared_take_rows() {
    struct Keeper;
    impl crate::Context for Keeper {
        fn describe() -> crate::Description {
            crate::testing::Bare::describe()
        }
        fn handle(_: &crate::Request) -> crate::Answer {
            Err(crate::Problem::not_found("nothing"))
        }
        fn on_event(_: crate::private::Delivered) -> crate::Outcome {
            Ok(())
        }
    }
    let put = || Table::<u64, ()>::new("drafts").put(1, &());
    // What was there before is set up so.
    TestContext::<Keeper>::new().run(put).unwrap();
    let _ = TestContext::<Keeper>::new().call(put);
}

/// The names that generics have most often are no trouble.
#[derive(Debug, PartialEq, Record)]
enum A {
    S(D, E),
    D { a: D, fields: E },
    E(E),
}

#[derive(Debug, PartialEq, Record)]
struct D(u8, E);

#[derive(Debug, PartialEq, Record)]
struct E {
    r#type: u8,
    serializer: (),
}

#[test]
fn types_and_fields_may_have_any_name() {
    let e = || E {
        r#type: 1,
        serializer: (),
    };
    is(
        A::S(D(2, e()), e()),
        r#"{"S":[[2,{"type":1,"serializer":null}],{"type":1,"serializer":null}]}"#,
    );
    is(A::E(e()), r#"{"E":{"type":1,"serializer":null}}"#);
    is(
        A::D {
            a: D(2, e()),
            fields: e(),
        },
        r#"{"D":{"a":[2,{"type":1,"serializer":null}],"fields":{"type":1,"serializer":null}}}"#,
    );
}
