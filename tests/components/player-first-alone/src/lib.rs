//! The first player, when it does not call the others.

mod bindings {
    innkeeper_sdk::wit_bindgen::generate!({
        inline: "package test:player-first-alone; world plays { export test:player/first@0.1.0; }",
        path: "../wit/player",
        runtime_path: "innkeeper_sdk::wit_bindgen::rt",
    });

    export!(Component with_types_in self);

    use crate::Component;
}

#[path = "../../player.rs"]
mod player;

use bindings::exports::test::player::first::{Guest, PlayError};
use player::{How, Others, Refused};

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

impl Guest for Component {
    fn play(program: String) -> Result<String, PlayError> {
        Ok(player::play::<Nobody>(&program, "play")?)
    }

    fn unplay(_: String, run: String) -> Result<(), PlayError> {
        Ok(player::unplay::<Nobody>(&run)?)
    }

    fn tell(program: String) -> Result<String, PlayError> {
        Ok(player::play::<Nobody>(&program, "tell")?)
    }

    fn ask(key: u64) -> Result<u64, PlayError> {
        Ok(player::ask(key)?)
    }
}

impl From<Refused> for PlayError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused.0)
    }
}

innkeeper_sdk::context! {
    summary: "Plays programs alone.",
    tables: [player::VALUES, player::RUNS],
    routes: {
        POST "/first" => player::begin::<Nobody>,
        GET "/first/runs" => player::runs,
        GET "/first/values" => player::values,
    },
    ready: player::is_ready,
    compensations: {
        "test:player/first@0.1.0": "play" => "unplay",
    },
}
