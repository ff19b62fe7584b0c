//! `docs/manifest.md`: every key, with its type, its default, whether it is read live, and what it is.
//!
//! Which keys there are, and of what type, is asked of the reader itself ([`shape`]); what is said of them is in `keys.txt`.

mod shape;
#[cfg(test)]
mod tests;

use self::shape::Shape;
use super::live::is_live;

/// What is said of the keys.
const KEYS: &str = include_str!("keys.txt");

const HEAD: &str = "# The manifest

What `innkeeper.toml` may say. This page is written by `innkeeper manifest --reference --write docs/manifest.md`, from the code that reads the manifest.

- A key that is not known is refused at the start, with the place where it stands and the keys that are valid there.
- Every key can be given as a variable of the environment, too, which goes before the file: `INNKEEPER_GATEWAY__DRAIN=10s` is `drain` in `[gateway]`. Dashes in
  names become `_`; lists are separated by commas.
- Paths are relative to the manifest's directory.
- Durations are written `\"500ms\"`, `\"2s\"`, `\"1m30s\"` or `\"24h\"`; sizes `\"512KiB\"`, `\"64MiB\"`, `\"1GiB\"`, or a number of bytes.
- *Live* says which keys are read again while the host runs; all others at its start. `innkeeper up --watch` starts the app anew when one of those changes.
- A context that is new, with all of its keys, is added while the host runs. One that is taken away serves until the host restarts.
";

/// What is said of a key.
struct Said<'a> {
    key: &'a str,
    default: &'a str,
    what: &'a str,
}

/// A key that the reader knows.
struct Known {
    path: Vec<String>,
    shape: Shape,
}

/// The page, in Markdown.
pub fn reference() -> String {
    let said = said();
    let what = |path: &[String]| {
        let key = path.join(".");
        said.iter().find(|said| said.key == key)
    };
    let mut page = HEAD.to_owned();
    let known = known();
    let tables = known
        .iter()
        .filter(|known| matches!(known.shape, Shape::Table(_)) && !known.path.is_empty());
    for table in tables {
        page += &format!("\n## `[{}]`\n\n", table.path.join("."));
        if let Some(said) = what(&table.path) {
            page += &format!("{}\n\n", said.what);
        }
        page += "| key | type | default | live | what |\n|---|---|---|---|---|\n";
        let within = known.iter().filter(|known| {
            let rest = known.path.strip_prefix(&*table.path).unwrap_or_default();
            // What the author names is told with the table that it stands in.
            rest.len() == 1 || rest.len() == 2 && is_chosen(rest.last())
        });
        for key in within {
            page += &row(&key.path[table.path.len()..], &key.shape, what(&key.path));
        }
    }
    page
}

/// The row of a key; none for a table, which has a part of its own.
fn row(path: &[String], shape: &Shape, said: Option<&Said>) -> String {
    let kind = match shape {
        Shape::Table(_) | Shape::Map => return String::new(),
        other => of(other),
    };
    let Some(Said { key, default, what }) = said else {
        return String::new();
    };
    let default = match *default {
        "" => "none".to_owned(),
        "required" => "required".to_owned(),
        default => format!("`{default}`"),
    };
    let live = if is_live(key) { "yes" } else { "" };
    let name = path.join(".");
    format!("| `{name}` | {kind} | {default} | {live} | {what} |\n").replace("|  |", "| |")
}

/// A type, for people.
fn of(shape: &Shape) -> String {
    match shape {
        Shape::Table(_) | Shape::Map => "table".to_owned(),
        Shape::List(item) => format!("list of {}", of(item)),
        Shape::OneOf(texts) => {
            let texts: Vec<_> = texts.iter().map(|text| format!("`\"{text}\"`")).collect();
            texts.join(", ")
        }
        Shape::Value(expected) => {
            let expected = expected.strip_prefix("a ").unwrap_or(expected);
            let kind = match expected {
                "string" | "path string" => "text",
                "boolean" => "`true` or `false`",
                other => other.split(", for example").next().unwrap_or(other),
            };
            kind.replace(" to 4294967295", " on")
                .replace(" in quotes", "")
        }
    }
}

/// Whether the author chooses the name.
fn is_chosen(name: Option<&String>) -> bool {
    name.is_some_and(|name| name.starts_with('<'))
}

/// What `keys.txt` says.
fn said() -> Vec<Said<'static>> {
    let lines = KEYS.lines().filter(|line| !line.starts_with('#'));
    let said = |line: &'static str| {
        let mut columns = line.splitn(3, '|').map(str::trim);
        Some(Said {
            key: columns.next()?,
            default: columns.next()?,
            what: columns.next()?,
        })
    };
    lines.filter_map(said).collect()
}

/// All that the reader knows, in the order in which it is declared.
fn known() -> Vec<Known> {
    let mut known = Vec::new();
    find(&mut Vec::new(), &mut known);
    known
}

fn find(path: &mut Vec<String>, known: &mut Vec<Known>) {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let Some(shape) = shape::at(&names) else {
        return;
    };
    let below: Vec<String> = match &shape {
        Shape::Table(keys) => keys.iter().map(|key| (*key).to_owned()).collect(),
        Shape::Map => vec![placeholder(path.last()).to_owned()],
        _ => Vec::new(),
    };
    known.push(Known {
        path: path.clone(),
        shape,
    });
    for key in below {
        path.push(key);
        find(path, known);
        path.pop();
    }
}

/// What stands for a name that the author chooses, in a table of this name.
fn placeholder(table: Option<&String>) -> &'static str {
    match table.map(String::as_str) {
        Some("config") => "<key>",
        Some("nats") => "<subject>",
        Some("routes") => "<route>",
        _ => "<name>",
    }
}
