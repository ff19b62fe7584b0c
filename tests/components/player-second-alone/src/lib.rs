//! The second player, when it neither calls the others nor is called by them.

#[path = "../../player.rs"]
#[allow(dead_code, reason = "the others use the rest")]
mod player;

use player::{How, Others};

/// There are none.
struct Nobody;

impl Others for Nobody {
    fn call(_: &str, _: How, _: &str) -> Result<String, String> {
        Err("nobody is there".into())
    }

    fn ask(_: &str, _: u64) -> Result<u64, String> {
        Err("nobody is there".into())
    }

    fn undo(_: &str, _: &str, _: &str) -> Result<(), String> {
        Err("nobody is there".into())
    }
}

innkeeper_sdk::context! {
    summary: "Plays programs alone.",
    tables: [player::VALUES, player::RUNS],
    routes: {
        POST "/second" => player::begin::<Nobody>,
        GET "/second/runs" => player::runs,
        GET "/second/values" => player::values,
    },
}
