//! A context that follows its own events: for each it calls a player many times, and then goes on or declines.

mod bindings {
    innkeeper_sdk::wit_bindgen::generate!({
        inline: "package test:conductor; world calls { import test:player/second@0.1.0; }",
        path: "../wit/player",
        generate_all,
        runtime_path: "innkeeper_sdk::wit_bindgen::rt",
    });
}

use bindings::test::player::second;
use innkeeper_sdk::prelude::*;

innkeeper_sdk::events! {
    /// A piece was ordered.
    pub PieceOrdered: Piece,
}

/// What is to be played.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Piece {
    number: u64,
    /// How often the player is called.
    calls: u64,
    /// With how many bytes each time, more than the program takes.
    padding: usize,
    /// Whether it is declined after all calls.
    declined: bool,
}

impl Subject for Piece {
    /// All come one after the other.
    fn subject(&self) -> String {
        "the only lane".to_owned()
    }
}

/// How many calls were made for each piece that was not declined.
const PIECES: Table<u64, u64> = Table::new("pieces");

fn order(Json(piece): Json<Piece>) -> Answer {
    emit::<PieceOrdered>(&piece)?;
    Response::no_content()
}

fn list(paging: Paging) -> Answer {
    Response::ok(&PIECES.page(paging)?)
}

fn conduct(piece: Piece) -> Outcome {
    let program = r#"[{"write":1}]"#.to_owned() + &" ".repeat(piece.padding);
    for _ in 0..piece.calls {
        if let Err(error) = second::play(&program) {
            return Err(PolicyError::Retry(format!("{error:?}")));
        }
    }
    if piece.declined {
        return Err(PolicyError::Reject("it was declined".into()));
    }
    Ok(PIECES.put(piece.number, &piece.calls)?)
}

innkeeper_sdk::context! {
    summary: "Has pieces played.",
    tables: [PIECES],
    routes: {
        POST "/pieces" => order,
        GET "/pieces" => list,
    },
    publishes: [PieceOrdered],
    follows: {
        "conductor": PieceOrdered => conduct,
    },
}
