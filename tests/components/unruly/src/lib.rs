//! A context that misbehaves in every way that a guest can.

mod bindings {
    innkeeper_sdk::wit_bindgen::generate!({
        inline: "package test:unruly-context; world offers { export test:unruly/tarpit@0.1.0; }",
        path: "../wit/unruly",
        runtime_path: "innkeeper_sdk::wit_bindgen::rt",
    });

    export!(Component with_types_in self);

    use crate::Component;
}

use std::hint::black_box;

use bindings::exports::test::unruly::tarpit::{Guest, TarpitError};
use innkeeper_sdk::prelude::*;

const MARKS: Table<u64, u64> = Table::new("marks");

innkeeper_sdk::events! {
    /// Published, and described.
    pub Marked: Mark,
    /// Published, and not described.
    pub Smuggled: Mark,
    /// Published and described, whatever it is about.
    pub Shouted: Shout,
}

/// About something, with so many bytes.
#[derive(Serialize, Deserialize)]
pub struct Shout {
    about: String,
    text: String,
}

impl Subject for Shout {
    fn subject(&self) -> String {
        self.about.clone()
    }
}

/// What both events carry.
#[derive(Serialize, Deserialize)]
pub struct Mark {
    number: u64,
}

impl Subject for Mark {
    fn subject(&self) -> String {
        self.number.to_string()
    }
}

// `context!` would list it, and that is what must not be.
impl innkeeper_sdk::Published for Smuggled {}

/// Leaves a mark, which must not be seen afterwards, and then misbehaves.
fn misbehave(Path(how): Path<String>) -> Answer {
    let number = MARKS.next_id();
    MARKS.put(number, &number)?;
    emit::<Marked>(&Mark { number })?;
    match how.as_str() {
        "loop" => spin(),
        "recursion" => Response::ok(&recurse(number)),
        "frames" => Response::ok(&recurse_with_frames(1)),
        "memory" => Response::ok(&hoard()),
        "trap" => std::process::abort(),
        "panic" => panic!("as asked"),
        "response" => Ok(Response {
            status: 200,
            headers: Vec::new(),
            body: vec![b'x'; 5 << 20],
        }),
        "event" => {
            emit::<Smuggled>(&Mark { number })?;
            Response::no_content()
        }
        "subject" => {
            let (about, text) = ("x".repeat(2_000), String::new());
            emit::<Shouted>(&Shout { about, text })?;
            Response::no_content()
        }
        "data" => {
            let (about, text) = ("data".to_owned(), "x".repeat(2 << 20));
            emit::<Shouted>(&Shout { about, text })?;
            Response::no_content()
        }
        "staged" => {
            for number in 0..1_000 {
                TEXTS.put(number, &Long("x".repeat(64 << 10)))?;
            }
            Response::no_content()
        }
        "status" => Ok(Response {
            status: 99,
            headers: Vec::new(),
            body: Vec::new(),
        }),
        "header" => Ok(Response {
            status: 200,
            headers: vec![("x\r\ny".into(), "z".into())],
            body: Vec::new(),
        }),
        "key" => {
            NAMES.put(Box::leak("x".repeat(5_000).into_boxed_str()), &number)?;
            Response::no_content()
        }
        _ => Err(Problem::not_found("no such way to misbehave")),
    }
}

/// Says how many marks there are, and behaves.
fn calm(paging: Paging) -> Answer {
    Response::ok(&MARKS.page(paging)?)
}

#[derive(Record)]
struct Long(String);

const TEXTS: Table<u64, Long> = Table::new("texts");
const NAMES: Table<&str, u64> = Table::new("names");

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Exhausts the engine's stack: nothing of it lies in the guest's memory.
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    if depth == 0 {
        1
    } else {
        recurse(depth.wrapping_add(1)).rotate_left(7) ^ depth
    }
}

/// Exhausts the guest's own stack, which lies in its memory.
fn recurse_with_frames(depth: u64) -> u64 {
    let frame = black_box([depth; 256]);
    let deeper = if depth == 0 {
        0
    } else {
        recurse_with_frames(depth + 1)
    };
    black_box(deeper) + frame[depth as usize % 256]
}

fn hoard() -> usize {
    let mut all = Vec::new();
    loop {
        all.push(black_box(vec![1_u8; 1 << 20]));
        if all.len() > 1 << 20 {
            return all.len();
        }
    }
}

impl Guest for Component {
    fn sink() -> Result<u64, TarpitError> {
        spin()
    }
}

innkeeper_sdk::context! {
    summary: "Misbehaves as asked.",
    tables: [MARKS, TEXTS, NAMES],
    routes: {
        POST "/unruly/{how}" => misbehave,
        GET "/unruly" => calm,
    },
    publishes: [Marked, Shouted],
}
