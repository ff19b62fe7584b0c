//! A context that calls another which never answers.

mod bindings {
    innkeeper_sdk::wit_bindgen::generate!({
        inline: "package test:caller-context; world calls { import test:unruly/tarpit@0.1.0; }",
        path: "../wit/unruly",
        generate_all,
        runtime_path: "innkeeper_sdk::wit_bindgen::rt",
    });
}

use bindings::test::unruly::tarpit::{self, TarpitError};
use innkeeper_sdk::prelude::*;

const CALLS: Table<u64, u64> = Table::new("calls");

/// Calls; what the host says instead of an answer is the problem's detail.
fn call() -> Answer {
    let number = CALLS.next_id();
    CALLS.put(number, &number)?;
    match tarpit::sink() {
        Ok(answer) => Response::ok(&answer),
        Err(TarpitError::Unavailable(reason)) => Err(Problem::unavailable(reason, 1)),
        Err(TarpitError::DeadlineExceeded(reason)) => Err(Problem::new(504, reason)),
    }
}

fn list(paging: Paging) -> Answer {
    Response::ok(&CALLS.page(paging)?)
}

innkeeper_sdk::context! {
    summary: "Calls what never answers.",
    tables: [CALLS],
    routes: {
        POST "/calls" => call,
        GET "/calls" => list,
    },
}
