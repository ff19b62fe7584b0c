//! A context that writes once for each ring of a bell. It answers nothing, so an app may have any number of it.

use innkeeper_sdk::prelude::*;

innkeeper_sdk::events! {
    /// A bell was rung.
    pub BellRung: Ring,
}

/// A ring.
#[derive(Deserialize)]
pub struct Ring {
    bell: u64,
    number: u64,
}

const RINGS: Table<u64, u64> = Table::new("rings");

fn hear(Ring { bell, number }: Ring) -> Outcome {
    Ok(RINGS.put(bell, &number)?)
}

innkeeper_sdk::context! {
    summary: "Notes rings.",
    tables: [RINGS],
    follows: {
        "bell": BellRung => hear,
    },
}
