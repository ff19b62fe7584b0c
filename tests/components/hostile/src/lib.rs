//! A context that takes as much as it can get of what it shares with its neighbours: a route for each way there is.

use std::hint::black_box;

use innkeeper_sdk::bindings::innkeeper::context::state;
use innkeeper_sdk::prelude::*;

innkeeper_sdk::events! {
    /// Something that nobody wants to know.
    pub Fussed: Fuss,
}

/// What it carries.
#[derive(Serialize, Deserialize)]
pub struct Fuss {
    number: u64,
}

impl Subject for Fuss {
    fn subject(&self) -> String {
        self.number.to_string()
    }
}

/// A row of any size.
#[derive(Record)]
struct Ballast(String);

const BALLAST: Table<u64, Ballast> = Table::new("ballast");

/// `POST /hostile/lines/{count}/{bytes}`: so many lines of so many bytes.
fn lines(Path((count, bytes)): Path<(u64, u64)>) -> Answer {
    let line = "x".repeat(bytes as usize);
    for number in 0..count {
        innkeeper_sdk::info!("{number} {line}");
    }
    Response::no_content()
}

/// `POST /hostile/groups/{bytes}`: a line whose group has so long a name.
fn groups(Path(bytes): Path<u64>) -> Answer {
    let group = "g".repeat(bytes as usize);
    innkeeper_sdk::log::write(innkeeper_sdk::log::Level::Info, &group, "\u{1b}");
    Response::no_content()
}

/// `POST /hostile/timers/{count}/{delay}`: so many timers, so many milliseconds ahead.
fn timers(Path((count, delay)): Path<(u64, u64)>) -> Answer {
    for number in 0..count {
        innkeeper_sdk::emit_after::<Fussed>(delay, &Fuss { number })?;
    }
    Response::no_content()
}

/// `POST /hostile/cancellations/{count}`: takes back so many timers that nobody has set.
fn cancellations(Path(count): Path<u64>) -> Answer {
    for number in 0..count {
        innkeeper_sdk::cancel(&number.to_string());
    }
    Response::no_content()
}

/// `POST /hostile/events/{count}`
fn events(Path(count): Path<u64>) -> Answer {
    for number in 0..count {
        emit::<Fussed>(&Fuss { number })?;
    }
    Response::no_content()
}

/// `POST /hostile/keys/{from}/{count}`: so many rows, from one on.
fn keys(Path((from, count)): Path<(u64, u64)>) -> Answer {
    for number in from..from + count {
        BALLAST.put(number, &Ballast(String::new()))?;
    }
    Response::no_content()
}

/// `DELETE /hostile/keys/{from}/{count}`
fn remove(Path((from, count)): Path<(u64, u64)>) -> Answer {
    for number in from..from + count {
        BALLAST.delete(number);
    }
    Response::no_content()
}

/// `POST /hostile/bytes/{number}/{bytes}`: a row of so many bytes.
fn bytes(Path((number, bytes)): Path<(u64, u64)>) -> Answer {
    BALLAST.put(number, &Ballast("x".repeat(bytes as usize)))?;
    Response::no_content()
}

/// `POST /hostile/sequences/{from}/{count}`: draws of so many sequences, and fails.
fn sequences(Path((from, count)): Path<(u64, u64)>) -> Answer {
    draw(from, count);
    Err(Problem::conflict("as planned"))
}

/// `POST /hostile/kept-sequences/{from}/{count}`: draws of so many sequences, and keeps what was drawn.
fn kept_sequences(Path((from, count)): Path<(u64, u64)>) -> Answer {
    draw(from, count);
    keys(Path((0, 1)))
}

fn draw(from: u64, count: u64) {
    for number in from..from + count {
        state::next_sequence(&format!("sequence {number}"));
    }
}

/// `POST /hostile/names/{bytes}`: draws of a sequence with so long a name.
fn names(Path(bytes): Path<u64>) -> Answer {
    state::next_sequence(&"n".repeat(bytes as usize));
    Response::no_content()
}

/// `POST /hostile/numbers/{count}`: draws so many numbers, keeps a row, and shows the last of them.
fn numbers(Path(count): Path<u64>) -> Answer {
    let numbers = (0..count).map(|_| state::next_sequence("numbers"));
    let last = numbers.last().unwrap_or_default();
    BALLAST.put(0, &Ballast(String::new()))?;
    Response::ok(&last)
}

/// `POST /hostile/lost-numbers/{count}`: draws so many numbers, and fails.
fn lost_numbers(Path(count): Path<u64>) -> Answer {
    numbers(Path(count))?;
    Err(Problem::conflict("as planned"))
}

/// `POST /hostile/spin`: computes until somebody ends it.
fn spin() -> Answer {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// `POST /hostile/memory/{mebibytes}`: has so much memory, and computes until somebody ends it.
fn memory(Path(mebibytes): Path<u64>) -> Answer {
    let held: Vec<Vec<u8>> = (0..mebibytes).map(|_| vec![1; 1 << 20]).collect();
    black_box(&held);
    spin()
}

/// `GET /hostile/answers/{bytes}`: so long an answer.
fn answers(Path(bytes): Path<u64>) -> Answer {
    Response::ok(&"x".repeat(bytes as usize))
}

/// Wants nothing of it.
fn refuse(_: Happened<Fussed>) -> Outcome {
    Err(PolicyError::Reject("it is nothing".into()))
}

innkeeper_sdk::context! {
    summary: "Takes what it can get.",
    tables: [BALLAST],
    routes: {
        POST "/hostile/lines/{count}/{bytes}" => lines,
        POST "/hostile/groups/{bytes}" => groups,
        POST "/hostile/timers/{count}/{delay}" => timers,
        POST "/hostile/cancellations/{count}" => cancellations,
        POST "/hostile/events/{count}" => events,
        POST "/hostile/keys/{from}/{count}" => keys,
        DELETE "/hostile/keys/{from}/{count}" => remove,
        POST "/hostile/bytes/{number}/{bytes}" => bytes,
        POST "/hostile/sequences/{from}/{count}" => sequences,
        POST "/hostile/kept-sequences/{from}/{count}" => kept_sequences,
        POST "/hostile/names/{bytes}" => names,
        POST "/hostile/numbers/{count}" => numbers,
        POST "/hostile/lost-numbers/{count}" => lost_numbers,
        POST "/hostile/spin" => spin,
        POST "/hostile/memory/{mebibytes}" => memory,
        GET "/hostile/answers/{bytes}" => answers,
    },
    publishes: [Fussed],
    follows: {
        "hostile": Fussed => refuse,
    },
}
