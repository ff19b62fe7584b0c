//! A context that is well until its configuration says otherwise: `ill` names what is wrong (`live`, `ready`, `trap`, `loop`, or several). One in the mood `immune`
//! neither traps nor loops.

mod bindings {
    innkeeper_sdk::wit_bindgen::generate!({
        inline: "package test:patient-context; world offers { export test:unruly/tarpit@0.1.0; }",
        path: "../wit/unruly",
        runtime_path: "innkeeper_sdk::wit_bindgen::rt",
    });

    export!(Component with_types_in self);

    use crate::Component;
}

use std::hint::black_box;

use bindings::exports::test::unruly::tarpit::{Guest, TarpitError};
use innkeeper_sdk::{config, invocation, prelude::*};

/// The mark that the file is searched for, and the mood, filled up with dots.
static MOOD: [u8; 64] = *b"the mood of this component: ....................................";

const VISITS: Table<u64, u64> = Table::new("visits");
const HANDLED: Table<u64, u64> = Table::new("handled");

innkeeper_sdk::events! {
    /// Somebody was there.
    pub Visited: Visit,
}

/// A visit.
#[derive(Serialize, Deserialize)]
pub struct Visit {
    number: u64,
}

impl Subject for Visit {
    fn subject(&self) -> String {
        self.number.to_string()
    }
}

fn is_immune() -> bool {
    // Not what the compiler knows, but what the file says by now.
    black_box(&MOOD)[28..].starts_with(b"immune")
}

/// Whether it suffers from something at this moment.
fn suffers_from(illness: &str) -> bool {
    config::text("ill").is_some_and(|ill| ill.contains(illness))
}

/// Traps or loops, if that is what it suffers from.
fn suffer() {
    if is_immune() {
        return;
    }
    assert!(!suffers_from("trap"), "it hurts");
    if suffers_from("loop") {
        loop {
            black_box(());
        }
    }
}

fn is_live() -> Result<(), String> {
    match suffers_from("live") {
        true => Err("no pulse".into()),
        false => Ok(()),
    }
}

fn is_ready() -> Result<(), String> {
    match suffers_from("ready") {
        true => Err("still in bed".into()),
        false => Ok(()),
    }
}

/// When a visit is told of.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Wish {
    after_ms: Option<u64>,
}

fn visit(Json(wish): Json<Wish>) -> Answer {
    suffer();
    let number = VISITS.next_id();
    VISITS.put(number, &number)?;
    let visit = Visit { number };
    match wish.after_ms {
        Some(delay) => innkeeper_sdk::emit_after::<Visited>(delay, &visit)?,
        None => emit::<Visited>(&visit)?,
    };
    Response::ok(&number)
}

fn visits(paging: Paging) -> Answer {
    suffer();
    // Whoever has asked for an id is run for every request.
    invocation::new_id();
    Response::ok(&VISITS.page(paging)?)
}

fn handled(paging: Paging) -> Answer {
    Response::ok(&HANDLED.page(paging)?)
}

/// Always fails, whatever it is about.
fn poison(Path(dose): Path<String>) -> Answer {
    panic!("{dose} is too much");
}

fn handle(
    Happened {
        data: Visit { number },
        ..
    }: Happened<Visited>,
) -> Outcome {
    suffer();
    Ok(HANDLED.put(number, &number)?)
}

impl Guest for Component {
    fn sink() -> Result<u64, TarpitError> {
        suffer();
        Ok(7)
    }
}

innkeeper_sdk::context! {
    summary: "Is well until it is ill.",
    tables: [VISITS, HANDLED],
    routes: {
        POST "/visits" => visit,
        GET "/visits" => visits,
        GET "/handled" => handled,
        POST "/poison/{dose}" => poison,
    },
    publishes: [Visited],
    follows: { "patient": Visited => handle },
    ready: is_ready,
    live: is_live,
}
