//! A context with a policy that calls a context which itself calls others.

mod bindings {
    innkeeper_sdk::wit_bindgen::generate!({
        inline: "
            package test:steward@0.1.0;

            /// What steward offers.
            interface errands {
                /// Why an errand was not done.
                variant errand-error {
                    /// Somebody said no.
                    refused(string),
                    /// Said by the host.
                    unavailable(string),
                }

                /// Holds and pays for a room; answers the errand's number.
                book: func(room-id: u64, rsv-id: u64) -> result<u64, errand-error>;
            }

            world calls {
                import errands;
            }
        ",
        generate_all,
        runtime_path: "innkeeper_sdk::wit_bindgen::rt",
    });
}

use bindings::test::steward::errands::{self, ErrandError};
use innkeeper_sdk::prelude::*;

innkeeper_sdk::events! {
    /// A bell was rung.
    pub BellRung: Ring,
}

/// A ring.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Ring {
    bell: u64,
    number: u64,
}

impl Subject for Ring {
    fn subject(&self) -> String {
        self.bell.to_string()
    }
}

const CARRIED: Table<u64, u64> = Table::new("carried");

/// Has the room of the bell's number booked for a reservation of the ring's.
fn carry(
    Happened {
        data: Ring { bell, number },
        ..
    }: Happened<BellRung>,
) -> Outcome {
    match errands::book(bell, number) {
        Ok(errand) => Ok(CARRIED.put(errand, &number)?),
        Err(ErrandError::Refused(reason) | ErrandError::Unavailable(reason)) => {
            Err(PolicyError::Retry(reason))
        }
    }
}

/// It would have a room booked if it could.
fn is_ready() -> Result<(), String> {
    match errands::book(1, 99) {
        Err(ErrandError::Unavailable(_)) => Ok(()),
        answer => Err(format!("it was answered {answer:?}")),
    }
}

fn list(paging: Paging) -> Answer {
    Response::ok(&CARRIED.page(paging)?)
}

innkeeper_sdk::context! {
    summary: "Comes when a bell is rung.",
    tables: [CARRIED],
    routes: {
        GET "/carried" => list,
    },
    follows: {
        "bell": BellRung => carry,
        "room": BellRung => carry,
    },
    ready: is_ready,
}
