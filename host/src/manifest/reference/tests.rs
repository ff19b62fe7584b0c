use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::manifest::Manifest;

#[test]
fn what_is_said_is_said_of_the_keys_that_the_reader_knows() {
    let known: BTreeSet<_> = known()
        .into_iter()
        // What only groups tables that the author names has nothing of its own.
        .filter(|known| {
            known.shape != Shape::Map && !known.path.is_empty() || has_words(&known.path)
        })
        .map(|known| known.path.join("."))
        .collect();
    let said: BTreeSet<_> = said().iter().map(|said| said.key.to_owned()).collect();
    let unsaid: Vec<_> = known.difference(&said).collect();
    assert!(
        unsaid.is_empty(),
        "host/src/manifest/reference/keys.txt says nothing of {unsaid:?}"
    );
    let unknown: Vec<_> = said.difference(&known).collect();
    assert!(
        unknown.is_empty(),
        "host/src/manifest/reference/keys.txt has {unknown:?}, which no manifest may have"
    );
    assert!(known.len() > 100);
}

#[test]
fn what_is_called_live_needs_no_start_and_what_is_not_does() {
    const CONTEXT: &str = "[context.name]\ncomponent = 'x.wasm'\n";
    const TOKEN: &str = "[admin.tokens.name]\nfile = 'token'\nrole = ";
    const TLS: &str = "[admin.tls]\ncertificate_file = 'a'\nkey_file = ";
    let cases = [
        ("app.name", "[app]\nname = ", "'a'", "'b'"),
        (
            "gateway.listen",
            "[gateway]\nlisten = ",
            "'127.0.0.1:1'",
            "'127.0.0.1:2'",
        ),
        ("admin.tls.key_file", TLS, "'a'", "'b'"),
        ("admin.tokens.<name>.role", TOKEN, "'read'", "'deploy'"),
        (
            "context.<name>.config.<key>",
            &format!("{CONTEXT}config.a = "),
            "'1'",
            "'2'",
        ),
        (
            "context.<name>.config_directory",
            &format!("{CONTEXT}config_directory = "),
            "'a'",
            "'b'",
        ),
        (
            "context.<name>.limits.deadline",
            &format!("{CONTEXT}limits.deadline = "),
            "'1s'",
            "'2s'",
        ),
    ];
    for (key, before, one, other) in cases {
        assert!(has_words(&[key.to_owned()]), "{key} is no key");
        let [one, other] = [one, other].map(|value| read(&format!("{before}{value}\n")).unwrap());
        assert!(one.needs_a_start_for(&one).is_empty(), "{key}");
        assert_eq!(
            one.needs_a_start_for(&other).is_empty(),
            is_live(key),
            "{key}"
        );
    }
}

fn has_words(path: &[String]) -> bool {
    let key = path.join(".");
    said().iter().any(|said| said.key == key)
}

/// What must be there so that a table can be.
const NEEDED: &[(&str, &str)] = &[
    ("context.<name>", "component = 'x.wasm'"),
    ("saga.<name>", "starts = 'name.A'\ncompletes = ['name.B']"),
    (
        "context.<name>.schedule.<name>",
        "cron = '0 3 * * *'\nevent = 'A'",
    ),
    ("admin.tls", "certificate_file = 'a'\nkey_file = 'b'"),
    ("gateway.tls", "certificate_file = 'a'\nkey_file = 'b'"),
    (
        "gateway.auth",
        "issuer = 'a'\naudience = 'b'\nalgorithms = ['ES256']\njwks_file = 'c'",
    ),
];

fn read(text: &str) -> Result<Manifest, String> {
    let text = text.replace("<name>", "name").replace("<subject>", "a");
    let text = text.replace("<route>", "'GET /a'");
    let read = Manifest::read(Path::new("innkeeper.toml"), &text, []);
    read.map_err(|error| error.to_string())
}

#[test]
fn each_default_is_what_the_reader_takes_when_nothing_is_written() {
    let mut tried = 0;
    let said = said();
    let with_default = said
        .iter()
        .filter(|said| !["", "required"].contains(&said.default));
    for Said { key, default, .. } in with_default {
        let (table, name) = key.rsplit_once('.').unwrap();
        let mut around = String::new();
        for (needed, text) in NEEDED {
            if *needed == "context.<name>" && key.starts_with("saga.") || key.starts_with(needed) {
                around += &format!("[{needed}]\n{text}\n");
            }
        }
        let heading = match NEEDED.iter().any(|(needed, _)| *needed == table) {
            true => String::new(),
            false => format!("[{table}]\n"),
        };
        let without = format!("{around}{heading}");
        let with = format!("{without}{name} = {default}\n");
        let (without, with) = (read(&without), read(&with));
        assert!(without.is_ok(), "{key}: {without:?}");
        assert_eq!(with, without, "{key} = {default}");
        tried += 1;
    }
    assert!(tried > 80, "{tried}");
}

#[test]
fn what_is_required_is_missed() {
    let said = said();
    let required: Vec<_> = said
        .iter()
        .filter(|said| said.default == "required")
        .collect();
    for Said { key, .. } in &required {
        let (table, name) = key.rsplit_once('.').unwrap();
        let others = required.iter().filter(|other| {
            other.key != *key && other.key.rsplit_once('.').map(|(table, _)| table) == Some(table)
        });
        let others: String = others
            .map(|other| {
                let name = other.key.rsplit('.').next().unwrap();
                let value = match shape::at(&other.key.split('.').collect::<Vec<_>>()) {
                    Some(Shape::List(item)) => match *item {
                        Shape::OneOf(texts) => format!("['{}']", texts[0]),
                        _ => "['name.A']".to_owned(),
                    },
                    _ => match name {
                        "fixed" => "'1s'",
                        "percent" => "1",
                        "status" => "503",
                        _ => "'name.A'",
                    }
                    .to_owned(),
                };
                format!("{name} = {value}\n")
            })
            .collect();
        let refused = read(&format!("[{table}]\n{others}")).unwrap_err();
        assert!(
            refused.contains(&format!("the key `{name}` is missing")),
            "{key}: {refused}"
        );
    }
    assert!(required.len() >= 5);
}

#[test]
fn the_page_is_what_the_code_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/manifest.md");
    let page = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        page == reference(),
        "docs/manifest.md is not what the code says: `innkeeper manifest --reference --write docs/manifest.md` writes it anew"
    );
}
