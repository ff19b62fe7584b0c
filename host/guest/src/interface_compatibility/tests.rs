mod values;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Result, Store};

use super::*;
use crate::code::interface_of;
use crate::shape::Budget;
use crate::{Engine, EngineOptions};

const ROOMS: &str = "stay:room/rooms@0.1.0";
/// The least that a function can fail with.
const UNAVAILABLE: &str = r#"(variant (case "unavailable" string))"#;

fn engine() -> Engine {
    Engine::new(EngineOptions::default()).unwrap()
}

/// An interface of these types and functions, as WAT: a type is named `$<name>` in what follows it.
fn interface(types: &[(&str, &str)], functions: &[(&str, &str)]) -> Interface {
    let types = types.iter().map(|(name, ty)| {
        format!("(type ${name}-type {ty}) (export \"{name}\" (type ${name} (eq ${name}-type)))")
    });
    let functions = functions
        .iter()
        .map(|(name, signature)| format!("(export \"{name}\" (func {signature}))"));
    let items: String = types.chain(functions).collect();
    let text = format!("(component (import \"{ROOMS}\" (instance {items})))");
    let engine = engine();
    let component = Component::new(engine.wasmtime(), wat::parse_str(text).unwrap()).unwrap();
    let ty = component.component_type();
    let (name, item) = ty.imports(engine.wasmtime()).next().unwrap();
    let ComponentItem::ComponentInstance(instance) = item.ty else {
        panic!("an instance was imported")
    };
    interface_of(
        engine.runtime(),
        name,
        &instance,
        &mut Budget::of_a_component(),
    )
    .unwrap()
}

/// The function `hold`, with one parameter `room`, of a type that this is the text of.
fn taking(ty: &str) -> Interface {
    interface(
        &[("error", UNAVAILABLE), ("room-type", ty)],
        &[(
            "hold",
            "(param \"room\" $room-type) (result (result (error $error)))",
        )],
    )
}

/// The function `hold`, whose error is of a type that this is the text of.
fn failing(error: &str) -> Interface {
    interface(
        &[("error", error)],
        &[("hold", "(result (result u64 (error $error)))")],
    )
}

/// What is said of them.
fn differences(offered: &Interface, wanted: &Interface) -> Vec<String> {
    let differences = offered.serves(wanted).err().unwrap_or_default();
    differences.iter().map(Difference::to_string).collect()
}

/// A type that has only values of the other: the narrow one may be given, the wide one taken, and not the other way round.
#[track_caller]
fn narrower(narrow: &str, wide: &str, place: &str, said: &str) {
    let (narrow, wide) = (taking(narrow), taking(wide));
    assert_eq!(differences(&wide, &narrow), [""; 0]);
    let expected = format!("parameter `{place}` of {ROOMS}#hold: {said}");
    assert_eq!(differences(&narrow, &wide), [expected]);
}

#[test]
fn names_are_not_taken_for_types() {
    let interface = interface(
        &[("error", UNAVAILABLE)],
        &[(
            "follow",
            "(param \"stream\" string) (param \"resource\" u64) (result (result (error $error)))",
        )],
    );
    assert_eq!(differences(&interface, &interface), [""; 0]);
}

#[test]
fn what_takes_more_serves_who_gives_less() {
    narrower(
        r#"(enum "single" "double")"#,
        r#"(enum "suite" "double" "single")"#,
        "room",
        "it may be the case `suite`, which is not offered",
    );
    narrower(
        r#"(flags "quiet")"#,
        r#"(flags "view" "quiet")"#,
        "room",
        "it may have the flag `view`, which is not offered",
    );
    narrower(
        r#"(variant (case "by-id" u64) (case "any"))"#,
        r#"(variant (case "any") (case "by-name" string) (case "by-id" u64))"#,
        "room",
        "it may be the case `by-name`, which is not offered",
    );
}

#[test]
fn every_type_is_looked_into() {
    let narrow = r#"(enum "a")"#;
    let wide = r#"(enum "a" "b")"#;
    for (around, place) in [
        (r#"(list $x)"#, "room[]"),
        (r#"(option (list $x))"#, "room.some[]"),
        (r#"(result $x (error string))"#, "room.ok"),
        (r#"(result (error $x))"#, "room.err"),
        (r#"(tuple string $x)"#, "room[1]"),
        (
            r#"(record (field "id" u64) (field "kind" $x))"#,
            "room.kind",
        ),
        (r#"(variant (case "none") (case "one" $x))"#, "room.one"),
        (r#"(list (tuple (option $x)))"#, "room[][0].some"),
    ] {
        let of = |x: &str| {
            interface(
                &[("error", UNAVAILABLE), ("x", x), ("room-type", around)],
                &[(
                    "hold",
                    "(param \"room\" $room-type) (result (result (error $error)))",
                )],
            )
        };
        let (narrow, wide) = (of(narrow), of(wide));
        assert_eq!(differences(&wide, &narrow), [""; 0], "{around}");
        let expected = format!(
            "parameter `{place}` of {ROOMS}#hold: it may be the case `b`, which is not offered"
        );
        assert_eq!(differences(&narrow, &wide), [expected]);
    }
}

#[test]
fn what_fails_in_fewer_ways_serves_who_knows_more() {
    let few = failing(UNAVAILABLE);
    let many = failing(r#"(variant (case "overbooked" u32) (case "unavailable" string))"#);
    assert_eq!(differences(&few, &many), [""; 0]);
    assert_eq!(
        differences(&many, &few),
        [format!(
            "the result of {ROOMS}#hold at `err`: it may be the case `overbooked`, which the caller does not know"
        )]
    );
    let other = failing(r#"(variant (case "overbooked") (case "unavailable" string))"#);
    assert_eq!(
        differences(&many, &other),
        [format!(
            "the result of {ROOMS}#hold at `err.overbooked`: nothing is wanted, u32 is offered"
        )]
    );
}

#[test]
fn a_deadline_is_told_as_the_caller_knows_it() {
    for (error, case) in [
        (UNAVAILABLE, "unavailable"),
        (
            r#"(variant (case "unavailable" string) (case "deadline-exceeded" string))"#,
            "deadline-exceeded",
        ),
        // It is a case of the interface's own.
        (
            r#"(variant (case "unavailable" string) (case "deadline-exceeded" u64))"#,
            "unavailable",
        ),
    ] {
        let interface = failing(error);
        let reason = Some(Box::new(Val::String("late".into())));
        let told = Box::new(Val::Variant(case.into(), reason));
        let answer = interface.operations["hold"].deadline_exceeded("late");
        assert_eq!(answer, Val::Result(Err(Some(told))), "{error}");
    }
}

#[test]
fn what_is_not_the_same_is_said_as_the_caller_sees_it() {
    for (offered, wanted, place, said) in [
        ("string", "u64", "room", "u64 is wanted, string is offered"),
        ("u64", "u32", "room", "u32 is wanted, u64 is offered"),
        (
            r#"(record (field "id" u64))"#,
            r#"(record (field "id" u64) (field "floor" u8))"#,
            "room",
            "the field `floor` is wanted, nothing more is offered",
        ),
        (
            r#"(record (field "id" u64) (field "floor" u8))"#,
            r#"(record (field "floor" u8) (field "id" u64))"#,
            "room",
            "the field `floor` is wanted, the field `id` is offered",
        ),
        (
            "(tuple u64 u64)",
            "(tuple u64)",
            "room",
            "tuple<u64> is wanted, tuple<u64, u64> is offered",
        ),
        (
            r#"(variant (case "none"))"#,
            r#"(enum "none")"#,
            "room",
            "enum { none } is wanted, variant { none } is offered",
        ),
        (
            r#"(variant (case "one" u64))"#,
            r#"(variant (case "one"))"#,
            "room.one",
            "nothing is wanted, u64 is offered",
        ),
    ] {
        let expected = format!("parameter `{place}` of {ROOMS}#hold: {said}");
        assert_eq!(differences(&taking(offered), &taking(wanted)), [expected]);
    }
    let fields: String = (0..50)
        .map(|index| format!("(field \"f{index}\" u64)"))
        .collect();
    let said = differences(&taking("u64"), &taking(&format!("(record {fields})")));
    assert!(
        said[0].contains("… is wanted") && said[0].len() < 300,
        "{said:?}"
    );
}

#[test]
fn parameters_and_functions_have_their_names() {
    let functions = |functions: &[(&str, &str)]| interface(&[("error", UNAVAILABLE)], functions);
    let hold = "(param \"room\" u64) (param \"nights\" u32) (result (result (error $error)))";
    let other = "(param \"nights\" u64) (param \"room\" u32) (result (result (error $error)))";
    let offered = functions(&[("hold", other), ("release", hold)]);
    let wanted = functions(&[("hold", hold), ("release", hold), ("count", hold)]);
    assert_eq!(
        differences(&offered, &wanted),
        [
            format!("{ROOMS}#count is not offered"),
            format!(
                "the parameters of {ROOMS}#hold: (room, nights) are wanted, (nights, room) are offered"
            ),
        ]
    );
    let wanted = functions(&[("release", hold)]);
    assert_eq!(offered.serves(&wanted), Ok(()));
}

/// Takes a case that its caller does not know, and in another order; answers the case it got and its payload as `case * 100 + payload`.
const PROVIDER: &str = r#"(component
    (core module $code (func (export "hold") (param i32 i64) (result i64)
        (i64.add (i64.mul (i64.extend_i32_u (local.get 0)) (i64.const 100)) (local.get 1))))
    (core instance $running (instantiate $code))
    (type $room-type (variant (case "by-floor" u64) (case "by-id" u32) (case "any")))
    (export $room "room" (type $room-type))
    (func (export "hold") (param "room" $room) (result u64)
        (canon lift (core func $running "hold"))))"#;

/// Gives what it got for `by-id(7)`.
const CALLER: &str = r#"(component
    (import "rooms" (instance $rooms
        (type $room-type (variant (case "any") (case "by-id" u32)))
        (export "room" (type $room (eq $room-type)))
        (export "hold" (func (param "room" $room) (result u64)))))
    (core func $hold (canon lower (func $rooms "hold")))
    (core module $code
        (import "rooms" "hold" (func $hold (param i32 i32) (result i64)))
        (func (export "run") (result i64) (call $hold (i32.const 1) (i32.const 7))))
    (core instance $running (instantiate $code
        (with "rooms" (instance (export "hold" (func $hold))))))
    (func (export "run") (result u64) (canon lift (core func $running "run"))))"#;

/// A store whose guest is not interrupted.
fn store(engine: &Engine) -> Store<()> {
    let mut store = Store::new(engine.wasmtime(), ());
    store.set_epoch_deadline(u64::MAX / 2);
    store
}

#[test]
fn a_value_of_the_narrower_type_arrives_as_what_it_is() -> Result<()> {
    let engine = engine();
    let component = |text| Component::new(engine.wasmtime(), wat::parse_str(text).unwrap());
    let provider = component(PROVIDER)?;
    let mut linker = Linker::new(engine.wasmtime());
    let (serving, serving_linker) = (engine.clone(), Linker::new(engine.wasmtime()));
    linker
        .instance("rooms")?
        .func_new("hold", move |_, _, parameters, results| {
            let mut store = store(&serving);
            let instance = serving_linker.instantiate(&mut store, &provider)?;
            let hold = instance.get_func(&mut store, "hold").unwrap();
            hold.call(&mut store, parameters, results)
        })?;
    let mut store = store(&engine);
    let caller = linker.instantiate(&mut store, &component(CALLER)?)?;
    let run = caller.get_func(&mut store, "run").unwrap();
    let mut results = [Val::Bool(false)];
    run.call(&mut store, &[], &mut results)?;
    assert_eq!(results, [Val::U64(107)]);
    Ok(())
}

/// Tuples of tuples of an enumeration: each is a few bytes longer than the one before it, and eight times as long when it is written out.
#[test]
fn what_grows_when_it_is_written_out_is_refused_at_once() {
    let names: String = (0..50)
        .map(|number| format!("\"{}n{number}\" ", "name-".repeat(9)))
        .collect();
    let engine = engine();
    let mut depth = String::new();
    for number in 1..7 {
        let parts = format!("$t{} ", number - 1).repeat(8);
        depth.push_str(&format!("(type $t{number} (tuple {parts}))"));
        let text = format!(
            "(component (import \"{ROOMS}\" (instance (type $e (enum {names})) (export \"kind\" (type $t0 (eq $e))) {depth}
                (type $f {UNAVAILABLE}) (export \"error\" (type $error (eq $f)))
                (export \"hold\" (func (param \"all\" $t{number}) (result (result (error $error))))))))"
        );
        let component = Component::new(engine.wasmtime(), wat::parse_str(text).unwrap()).unwrap();
        let ty = component.component_type();
        let (name, item) = ty.imports(engine.wasmtime()).next().unwrap();
        let ComponentItem::ComponentInstance(instance) = item.ty else {
            panic!("an instance was imported")
        };
        let found = interface_of(
            engine.runtime(),
            name,
            &instance,
            &mut Budget::of_a_component(),
        );
        match found {
            Ok(interface) => assert!(number < 4 && interface.serves(&interface).is_ok()),
            Err(error) => {
                assert!(number >= 3, "{number}: {error}");
                assert!(error.to_string().contains("counted as often"), "{error}");
            }
        }
    }
}
