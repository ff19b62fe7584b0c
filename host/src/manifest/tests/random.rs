//! Manifests that nobody would write: each is read, or refused in one line that says where.

use proptest::collection::vec;
use proptest::prelude::*;

use super::read;

const SHIPPED: &str = include_str!("../../../../innkeeper.toml");

const VALUES: [&str; 14] = [
    "0",
    "-1",
    "1e400",
    "nan",
    "true",
    "\"\"",
    "\"5s\"",
    "\"1KiB\"",
    "[]",
    "[1, \"x\"]",
    "{ a = 1 }",
    "1979-05-27",
    "\"\\u0000\\n\"",
    "99999999999999999999",
];

#[derive(Clone, Debug)]
enum Change {
    Drop(prop::sample::Index),
    Double(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Value(prop::sample::Index, usize),
    Insert(prop::sample::Index, String),
    Cut(prop::sample::Index),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let index = any::<prop::sample::Index>;
    let change = prop_oneof![
        index().prop_map(Change::Drop),
        index().prop_map(Change::Double),
        (index(), index()).prop_map(|(one, other)| Change::Swap(one, other)),
        (index(), 0..VALUES.len()).prop_map(|(line, value)| Change::Value(line, value)),
        (index(), "\\PC{0,20}|[\\[\\]a-z.=\"' 0-9]{0,30}")
            .prop_map(|(line, text)| Change::Insert(line, text)),
        index().prop_map(Change::Cut),
    ];
    vec(change, 1..5)
}

fn changed(changes: Vec<Change>) -> String {
    let mut lines: Vec<String> = SHIPPED.lines().map(str::to_owned).collect();
    for change in changes {
        let length = lines.len();
        match change {
            _ if length == 0 => {}
            Change::Drop(at) => drop(lines.remove(at.index(length))),
            Change::Double(at) => lines.push(lines[at.index(length)].clone()),
            Change::Swap(one, other) => lines.swap(one.index(length), other.index(length)),
            Change::Value(at, value) => {
                let line = &mut lines[at.index(length)];
                if let Some((key, _)) = line.split_once('=') {
                    *line = format!("{key}= {}", VALUES[value]);
                }
            }
            Change::Insert(at, text) => lines.insert(at.index(length), text),
            Change::Cut(at) => {
                let line = &mut lines[at.index(length)];
                let half = line.char_indices().nth(line.chars().count() / 2);
                line.truncate(half.map_or(0, |(at, _)| at));
            }
        }
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn what_is_wrong_is_said_in_one_line(changes in changes()) {
        if let Err(message) = read(&changed(changes), &[]) {
            prop_assert!(message.starts_with("app/innkeeper.toml:"), "{message:?}");
            prop_assert!(!message.contains(char::is_control), "{message:?}");
        }
    }
}
