//! A context that takes the place of `hostile`: it reads what that has written, and wants other events of it.

use innkeeper_sdk::bindings::innkeeper::context::state;
use innkeeper_sdk::prelude::*;

innkeeper_sdk::events! {
    /// Something that is wanted.
    pub Calmed: Calm,
}

/// What it carries.
#[derive(Serialize, Deserialize)]
pub struct Calm {
    number: u64,
}

impl Subject for Calm {
    fn subject(&self) -> String {
        self.number.to_string()
    }
}

/// A row of any size, as `hostile` has them.
#[derive(Record)]
struct Ballast(String);

const BALLAST: Table<u64, Ballast> = Table::new("ballast");
const CALMED: Table<u64, u64> = Table::new("calmed");

/// `POST /hostile/calm/{count}`: so many events.
fn calm(Path(count): Path<u64>) -> Answer {
    for number in 0..count {
        emit::<Calmed>(&Calm { number })?;
    }
    Response::no_content()
}

/// `GET /hostile/calmed`: how many of them have been handled.
fn calmed() -> Answer {
    Response::ok(&state::count("calmed/", "calmed0"))
}

fn handle(
    Happened {
        data: Calm { number },
        ..
    }: Happened<Calmed>,
) -> Outcome {
    Ok(CALMED.put(number, &number)?)
}

innkeeper_sdk::context! {
    summary: "Wants to be left alone.",
    tables: [BALLAST, CALMED],
    routes: {
        POST "/hostile/calm/{count}" => calm,
        GET "/hostile/calmed" => calmed,
    },
    publishes: [Calmed],
    follows: {
        "hostile": Calmed => handle,
    },
}
