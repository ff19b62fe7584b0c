//! A context that calls one that fails on demand.

mod bindings {
    innkeeper_sdk::wit_bindgen::generate!({
        inline: "package test:asker-one; world calls { import test:shaky/service@0.1.0; }",
        path: "../wit/shaky",
        generate_all,
        runtime_path: "innkeeper_sdk::wit_bindgen::rt",
    });
}

use bindings::test::shaky::service::{self, ServiceError};
use innkeeper_sdk::prelude::*;

/// What the host says instead of an answer is the problem's detail.
fn ask(Path(how): Path<String>) -> Answer {
    match service::act(&how) {
        Ok(number) => Response::ok(&number),
        Err(ServiceError::Refused(reason)) => Err(Problem::conflict(reason)),
        Err(ServiceError::Unavailable(reason)) => Err(Problem::unavailable(reason, 1)),
    }
}

innkeeper_sdk::context! {
    summary: "Calls one that fails on demand.",
    routes: {
        POST "/one/{how}" => ask,
    },
}
