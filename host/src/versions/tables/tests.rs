mod evolution;

use super::*;
use crate::guest::{Alternative, DataType};

/// The tables of a description with one table, `rooms`, whose values are of the first type.
fn described(types: Vec<DataType>) -> Result<Tables, String> {
    with_key(types, vec![guest::KeyPart::Number])
}

fn with_key(types: Vec<DataType>, key: Vec<guest::KeyPart>) -> Result<Tables, String> {
    let rooms = guest::Table {
        name: "rooms".into(),
        key,
        value: 0,
    };
    description(types, vec![rooms])
}

fn description(types: Vec<DataType>, tables: Vec<guest::Table>) -> Result<Tables, String> {
    Tables::described(&guest::Description {
        summary: String::new(),
        types,
        tables,
        routes: vec![],
        publishes: vec![],
        follows: vec![],
        compensations: vec![],
        events: vec![],
    })
}

fn field(name: &str, value: u32) -> guest::Field {
    guest::Field {
        name: name.into(),
        value,
        has_default: false,
    }
}

fn default(name: &str, value: u32) -> guest::Field {
    guest::Field {
        has_default: true,
        ..field(name, value)
    }
}

fn case(name: &str, value: Option<u32>) -> Alternative {
    Alternative {
        name: name.into(),
        value,
    }
}

const fn scalar(scalar: guest::Scalar) -> DataType {
    DataType::Scalar(scalar)
}

const U32: DataType = scalar(guest::Scalar::U32);
const U64: DataType = scalar(guest::Scalar::U64);
const TEXT: DataType = scalar(guest::Scalar::String);

/// What comes of reading values of one type as another.
fn reading(reader: Vec<DataType>, writer: Vec<DataType>) -> TableCompatibility {
    described(reader).unwrap().read(&described(writer).unwrap())
}

fn unreadable(reader: Vec<DataType>, writer: Vec<DataType>) -> Vec<String> {
    reading(reader, writer).unreadable
}

#[test]
fn fields_are_compared_by_their_names() {
    let room = |fields| vec![DataType::Record(fields), U64, TEXT, DataType::Optional(1)];
    let former = || room(vec![field("room_id", 1), field("desc", 2)]);
    let swapped = room(vec![field("desc", 2), field("room_id", 1)]);
    assert!(reading(swapped, former()).is_exact());
    let more = room(vec![
        field("stars", 3),
        field("room_id", 1),
        field("desc", 2),
        default("beds", 1),
    ]);
    assert!(reading(more.clone(), former()).is_exact());
    assert_eq!(
        reading(former(), more).ignored,
        ["`rooms.beds` is not read", "`rooms.stars` is not read"]
    );
    let renamed = room(vec![field("room_id", 1), field("description", 2)]);
    assert_eq!(
        unreadable(renamed, former()),
        [
            "`rooms.description` is not in what was written, and has no default (is it what was `desc`? then that stays its name in the state)"
        ]
    );
    let retyped = room(vec![field("room_id", 2), field("desc", 3)]);
    assert_eq!(
        unreadable(retyped, former()),
        [
            "`rooms.desc` was string, and is u64",
            "`rooms.room_id` was u64, and is string"
        ]
    );
    let optional = room(vec![field("room_id", 3), field("desc", 2)]);
    assert!(reading(optional.clone(), former()).is_exact());
    assert_eq!(
        unreadable(former(), optional),
        ["`rooms.room_id` was option<u64>, and is u64"]
    );
}

#[test]
fn cases_may_come_and_not_go() {
    let status = |cases| vec![DataType::Variant(cases), U32, U64];
    let former = || status(vec![case("Free", None), case("Held", Some(1))]);
    let more = status(vec![
        case("Held", Some(2)),
        case("Gone", None),
        case("Free", None),
    ]);
    assert!(reading(more.clone(), former()).is_exact());
    assert_eq!(
        unreadable(former(), more),
        [
            "`rooms.Held` was u64, and is u32",
            "the case `rooms.Gone` is not known"
        ]
    );
    let carries = status(vec![case("Free", Some(1)), case("Held", Some(1))]);
    assert_eq!(unreadable(carries, former()).len(), 1);
}

#[test]
fn a_key_that_is_made_of_something_else_is_a_difference() {
    let (number, text) = (guest::KeyPart::Number, guest::KeyPart::Text);
    let pairs = with_key(vec![U64], vec![number, number]).unwrap();
    let texts = with_key(vec![U64], vec![text]).unwrap();
    assert_eq!(
        texts.read(&pairs).unreadable,
        ["the key of `rooms` was tuple<u64, u64>, and is string"]
    );
}

#[test]
fn null_means_one_thing_only() {
    let unit = || scalar(guest::Scalar::Unit);
    let nested = || vec![DataType::Optional(1), DataType::Optional(2), U64];
    let single = || vec![DataType::Optional(1), U64];
    for (reader, writer) in [
        (nested(), single()),
        (single(), nested()),
        (nested(), vec![U64]),
        (vec![DataType::Optional(1), unit()], vec![unit()]),
        (single(), vec![unit()]),
        (vec![U64], single()),
        (vec![DataType::Optional(1), unit()], single()),
    ] {
        assert!(!reading(reader.clone(), writer.clone()).is_complete());
    }
    assert!(reading(nested(), nested()).is_exact());
    assert!(reading(single(), vec![U64]).is_exact());
}

#[test]
fn types_that_contain_themselves_are_compared_and_shown() {
    let tree = |leaf| {
        vec![
            DataType::Record(vec![field("leaf", 1), field("branches", 2)]),
            leaf,
            DataType::List(0),
        ]
    };
    assert!(reading(tree(U64), tree(U32)).is_exact());
    assert_eq!(
        unreadable(tree(U32), tree(U64)),
        ["`rooms.leaf` was u64, and is u32"]
    );
    let tables = described(tree(U32)).unwrap();
    let (name, table) = tables.iter().next().unwrap();
    assert_eq!((name, table.key().as_str()), ("rooms", "u64"));
    assert_eq!(table.value(), "record { leaf: u32, branches: list<…> }");
}

/// Types that would be endless to write out, or to compare pair by pair, cost little.
#[test]
fn types_that_explode_are_bounded() {
    // How deep types nest is up to the guest: no stack may grow with them.
    let small_stack = std::thread::Builder::new().stack_size(192 << 10);
    let test = small_stack.spawn(exploding_types).unwrap();
    test.join().unwrap();
}

fn exploding_types() {
    let doubling: Vec<_> = (1..900)
        .map(|next| DataType::Record(vec![field("left", next), field("right", next)]))
        .chain([U64])
        .collect();
    let tables = described(doubling.clone()).unwrap();
    assert!(tables.read(&tables).is_exact());
    let (_, table) = tables.iter().next().unwrap();
    assert!(table.value().len() < 40_000);
    let ring = |length: u32| -> Vec<_> {
        (0..length)
            .map(|place| DataType::List((place + 1) % length))
            .collect()
    };
    let far = unreadable(ring(997), ring(991));
    assert!(
        far.iter().any(|one| one.contains("too many types")),
        "{far:?}"
    );
}

#[test]
fn a_description_that_is_none_is_refused() {
    let table = |name: &str, value| guest::Table {
        name: name.into(),
        key: vec![guest::KeyPart::Number],
        value,
    };
    let record = |names: [&str; 2]| DataType::Record(vec![field(names[0], 0), field(names[1], 0)]);
    for (types, tables, says) in [
        (vec![U64], vec![table("rooms", 1)], "no type 1"),
        (
            vec![DataType::List(7)],
            vec![table("rooms", 0)],
            "no type 7",
        ),
        (vec![U64], vec![table("", 0)], "1 to 128"),
        (vec![U64], vec![table("a/b", 0)], "no `/`"),
        (vec![U64], vec![table("a", 0), table("a", 0)], "two tables"),
        (
            vec![record(["a", "a"])],
            vec![table("rooms", 0)],
            "are named",
        ),
        (vec![U64; 1_001], vec![], "1001 types"),
    ] {
        let problem = description(types, tables).unwrap_err();
        assert!(problem.contains(says), "{problem}");
    }
    let bare = guest::Table {
        key: vec![],
        ..table("rooms", 0)
    };
    assert!(description(vec![U64], vec![bare]).is_err());
    assert!(description(vec![], vec![]).is_ok());
}

#[test]
fn a_key_is_of_the_table_before_its_first_slash() {
    let tables = described(vec![U64]).unwrap();
    for (key, held) in [
        ("rooms/0000000000000001", true),
        ("rooms/a/b", true),
        ("rooms", true),
        ("roomsandmore/1", false),
        ("room/1", false),
        ("", false),
        ("/rooms", false),
    ] {
        assert_eq!(tables.hold(key), held, "{key}");
    }
}

#[test]
fn what_was_written_is_remembered_until_it_is_moved() {
    let version = |types| described(types).unwrap();
    let (small, large) = (version(vec![U32]), version(vec![U64]));
    let mut written_tables = WrittenTables::default();
    written_tables.serve(&small);
    written_tables.serve(&large);
    written_tables.serve(&large);
    // Rows of either are there.
    assert!(written_tables.read_by(&large).is_exact());
    assert!(!written_tables.read_by(&small).is_complete());
    let nothing = Tables::default();
    assert_eq!(written_tables.missing_in(&nothing), ["rooms"]);
    // Once they were left there, nobody need know of them; who does must still read them.
    written_tables.serve(&nothing);
    assert!(written_tables.missing_in(&nothing).is_empty());
    assert!(!written_tables.read_by(&small).is_complete());
    written_tables.serve(&large);
    assert_eq!(written_tables.missing_in(&nothing), ["rooms"]);
    written_tables.clear();
    assert!(written_tables.read_by(&small).is_exact());
}
