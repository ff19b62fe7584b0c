use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::json;
use wasmtime::component::{Component, types::ComponentItem};

use super::*;
use crate::{Engine, EngineOptions};

/// The parameters of a function with one of each type.
fn types() -> Vec<(String, Type)> {
    let text = r#"(component
        (import "t" (instance $t
            (type $enum (enum "red" "green")) (export "e" (type $e (eq $enum)))
            (type $flags (flags "a" "b")) (export "f" (type $f (eq $flags)))
            (type $record (record (field "room-id" u64) (field "note" (option string)))) (export "r" (type $r (eq $record)))
            (type $variant (variant (case "none") (case "some-of" (list u8)))) (export "v" (type $v (eq $variant)))
            (export "all" (func (param "small" s8) (param "big" u64) (param "real" f64) (param "letter" char) (param "pair" (tuple bool string))
                (param "colour" $e) (param "marks" $f) (param "record" $r) (param "case" $v) (param "maybe" (option (option u32)))
                (param "outcome" (result u32 (error string))))))))"#;
    let engine = Engine::new(EngineOptions::default()).unwrap();
    let bytes = wat::parse_str(text).unwrap();
    let component = Component::new(engine.wasmtime(), bytes).unwrap();
    let ty = component.component_type();
    let (_, item) = ty.imports(engine.wasmtime()).next().unwrap();
    let ComponentItem::ComponentInstance(instance) = item.ty else {
        panic!("an instance was imported")
    };
    let functions = instance
        .exports(engine.wasmtime())
        .find_map(|(_, item)| match item.ty {
            ComponentItem::ComponentFunc(ty) => Some(ty),
            _ => None,
        });
    let function = functions.unwrap();
    function
        .params()
        .map(|(name, ty)| (name.to_owned(), ty))
        .collect()
}

fn good() -> Value {
    json!({
        "small": -128, "big": u64::MAX, "real": 0.5, "letter": "é", "pair": [true, "x"], "colour": "green", "marks": ["a"],
        "record": {"room-id": 1, "note": null}, "case": {"some-of": [1, 2]}, "maybe": {"some": 7}, "outcome": {"err": "no"},
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut all = good();
    all[name] = value;
    all
}

#[test]
fn what_is_read_is_written() {
    let types = types();
    for json in [
        good(),
        with("real", json!("-Infinity")),
        with("marks", json!([])),
        with("case", json!("none")),
        with("maybe", Value::Null),
        with("maybe", json!({"some": null})),
        with("outcome", json!({"ok": 7})),
    ] {
        let values = parameters(&types, Some(json.clone())).unwrap();
        let written = types
            .iter()
            .zip(&values)
            .map(|((name, _), value)| (name.clone(), write(value)));
        assert_eq!(Value::Object(written.collect()), json);
        let in_order = values.iter().map(write).collect();
        assert_eq!(
            parameters(&types, Some(Value::Array(in_order))).unwrap(),
            values
        );
    }
}

fn anything() -> impl Strategy<Value = Value> {
    let names = "small|big|real|room-id|note|some|some-of|ok|err|none|a|b|green|-?Infinity|NaN|é|";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-200_i64..300).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        names.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let map = btree_map(names, inner.clone(), 0..4);
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::from),
            map.prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Most of it is refused; what is taken means the same when it is written and read again, in each of its forms.
    #[test]
    fn whatever_is_read_is_read_again(replaced in btree_map(0..11_usize, anything(), 1..4), all in anything()) {
        let types = types();
        let _ = parameters(&types, Some(all));
        let mut json = good();
        for (index, value) in replaced {
            json[types[index].0.as_str()] = value;
        }
        if let Ok(values) = parameters(&types, Some(json)) {
            let written = values.iter().map(write).collect();
            prop_assert_eq!(&parameters(&types, Some(Value::Array(written))).unwrap(), &values);
            let encoded = crate::value::encode(&values).unwrap();
            prop_assert_eq!(&crate::value::decode(&encoded).unwrap(), &values);
        }
    }

    #[test]
    fn stored_values_that_are_damaged_are_refused(bytes in vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let _ = crate::value::decode(&bytes);
        let values = parameters(&types(), Some(good())).unwrap();
        let mut encoded = crate::value::encode(&values).unwrap();
        let at = at.index(encoded.len());
        encoded[at] = with;
        let _ = crate::value::decode(&encoded);
    }
}

#[test]
fn what_may_be_left_out_is_only_an_option() {
    let types = types();
    let short = with("record", json!({"room-id": 1}));
    assert_eq!(
        parameters(&types, Some(short)),
        parameters(&types, Some(good()))
    );
    let missing = with("record", json!({"note": "x"}));
    let error = parameters(&types, Some(missing)).unwrap_err();
    assert_eq!(error.to_string(), "record.room-id: is missing");
    assert_eq!(
        parameters(&types, None).unwrap_err().to_string(),
        "small: is missing"
    );
}

#[test]
fn what_is_no_value_says_where_and_what_is_right() {
    let types = types();
    for (name, value, message) in [
        (
            "small",
            json!(128),
            "small: 128 is out of the range of its type",
        ),
        ("small", json!(1.5), "small: must be a whole number"),
        ("big", json!(-1), "big: -1 is out of the range of its type"),
        ("real", json!("one"), "real: must be a number"),
        (
            "letter",
            json!("ab"),
            "letter: must be a string of one character",
        ),
        ("pair", json!([true]), "pair: must be an array of 2"),
        ("pair", json!([1, "x"]), "pair[0]: must be true or false"),
        (
            "colour",
            json!("blue"),
            "colour: must be one of `red`, `green`",
        ),
        ("marks", json!(["c"]), "marks: must be some of `a`, `b`"),
        (
            "record",
            json!({"room-id": 1, "x": 1}),
            "record: `x` is not known; there are `room-id`, `note`",
        ),
        (
            "case",
            json!({"other": 1}),
            "case: must be a case: `none`, `some-of`",
        ),
        (
            "case",
            json!({"some-of": [256]}),
            "case.some-of[0]: 256 is out of the range of its type",
        ),
        ("case", json!({"none": 1}), "case.none: must be nothing"),
        (
            "maybe",
            json!(7),
            "maybe: must be a string, or an object with one member",
        ),
        (
            "outcome",
            json!({"maybe": 7}),
            "outcome: must be {\"ok\": …} or {\"err\": …}",
        ),
        (
            "unheard-of",
            json!(1),
            "parameters: `unheard-of` is not known; there are",
        ),
    ] {
        let error = parameters(&types, Some(with(name, value)))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(message), "{error}");
    }
}
