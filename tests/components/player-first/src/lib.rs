//! The first of three players.

mod bindings {
    innkeeper_sdk::wit_bindgen::generate!({
        inline: "package test:player-first; world plays { import test:player/second@0.1.0; import test:player/third@0.1.0; export test:player/first@0.1.0; }",
        path: "../wit/player",
        generate_all,
        runtime_path: "innkeeper_sdk::wit_bindgen::rt",
    });

    export!(Component with_types_in self);

    use crate::Component;
}

#[path = "../../player.rs"]
mod player;

use bindings::exports::test::player::first::{Guest, PlayError};
use bindings::test::player::{second, third};
use player::{How, Others, Refused};

/// The other two.
struct Theirs;

macro_rules! call {
    ($other:ident, $how:ident, $program:ident) => {
        match $how {
            How::Play => $other::play($program),
            How::Tell => $other::tell($program),
        }
        .map_err(|error| format!("{error:?}"))
    };
}

impl Others for Theirs {
    fn call(to: &str, how: How, program: &str) -> Result<String, String> {
        match to {
            "second" => call!(second, how, program),
            "third" => call!(third, how, program),
            _ => Err(format!("nobody is called {to}")),
        }
    }

    fn ask(to: &str, key: u64) -> Result<u64, String> {
        match to {
            "second" => second::ask(key).map_err(|error| format!("{error:?}")),
            "third" => third::ask(key).map_err(|error| format!("{error:?}")),
            _ => Err(format!("nobody is called {to}")),
        }
    }

    fn undo(to: &str, program: &str, run: &str) -> Result<(), String> {
        match to {
            "second" => second::unplay(program, run).map_err(|error| format!("{error:?}")),
            "third" => third::unplay(program, run).map_err(|error| format!("{error:?}")),
            _ => Err(format!("nobody is called {to}")),
        }
    }
}

impl Guest for Component {
    fn play(program: String) -> Result<String, PlayError> {
        Ok(player::play::<Theirs>(&program, "play")?)
    }

    fn unplay(_: String, run: String) -> Result<(), PlayError> {
        Ok(player::unplay::<Theirs>(&run)?)
    }

    fn tell(program: String) -> Result<String, PlayError> {
        Ok(player::play::<Theirs>(&program, "tell")?)
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
    summary: "Plays programs.",
    tables: [player::VALUES, player::RUNS],
    routes: {
        POST "/first" => player::begin::<Theirs>,
        GET "/first/runs" => player::runs,
        GET "/first/values" => player::values,
    },
    ready: player::is_ready,
    compensations: {
        "test:player/first@0.1.0": "play" => "unplay",
    },
}
