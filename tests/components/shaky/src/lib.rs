//! A context that fails on demand: whoever asks says how.

mod bindings {
    innkeeper_sdk::wit_bindgen::generate!({
        inline: "package test:shaky-context; world offers { export test:shaky/service@0.1.0; }",
        path: "../wit/shaky",
        runtime_path: "innkeeper_sdk::wit_bindgen::rt",
    });

    export!(Component with_types_in self);

    use crate::Component;
}

use std::hint::black_box;

use bindings::exports::test::shaky::service::{Guest, ServiceError};
use innkeeper_sdk::prelude::*;

const ACTS: Table<u64, u64> = Table::new("acts");

/// Why there is no answer.
enum Failed {
    Refused,
    Broken(Fault),
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self::Broken(fault)
    }
}

/// Does what is asked, and counts it.
fn act(how: &str) -> Result<u64, Failed> {
    let number = ACTS.next_id();
    ACTS.put(number, &number)?;
    match how {
        "ok" => Ok(number),
        "busy" => {
            compute(5_000_000);
            Ok(number)
        }
        "trap" => std::process::abort(),
        "hang" => loop {
            compute(1_000);
        },
        _ => Err(Failed::Refused),
    }
}

fn compute(turns: u64) {
    (0..turns).fold(0, |sum, turn| black_box(turn ^ sum));
}

fn asked(Path(how): Path<String>) -> Answer {
    if how == "error" {
        return Err(Problem::new(500, "as asked"));
    }
    match act(&how) {
        Ok(number) => Response::ok(&number),
        Err(Failed::Refused) => Err(Problem::conflict("as asked")),
        Err(Failed::Broken(fault)) => Err(fault.into()),
    }
}

fn list(paging: Paging) -> Answer {
    Response::ok(&ACTS.page(paging)?)
}

impl Guest for Component {
    fn act(how: String) -> Result<u64, ServiceError> {
        act(&how).map_err(|failed| match failed {
            Failed::Refused => ServiceError::Refused("as asked".into()),
            Failed::Broken(fault) => ServiceError::Refused(fault.to_string()),
        })
    }
}

innkeeper_sdk::context! {
    summary: "Fails on demand.",
    tables: [ACTS],
    routes: {
        POST "/shaky/{how}" => asked,
        GET "/shaky" => list,
    },
}
