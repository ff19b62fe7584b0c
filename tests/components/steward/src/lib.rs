//! A context that offers a function which itself calls two others.

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

            world offers {
                import stay:room/rooms@0.1.0;
                import stay:payment/payments@0.1.0;
                export errands;
            }
        ",
        path: ["../../../wit/stay/room", "../../../wit/stay/payment"],
        generate_all,
        runtime_path: "innkeeper_sdk::wit_bindgen::rt",
    });

    export!(Component with_types_in self);

    use crate::Component;
}

use std::hint::black_box;

use bindings::exports::test::steward::errands::{ErrandError, Guest};
use bindings::stay::payment::payments::{self, PaymentError};
use bindings::stay::room::rooms::{self, RoomError};
use innkeeper_sdk::{config, prelude::*};

const ERRANDS: Table<u64, u64> = Table::new("errands");

impl Guest for Component {
    /// In between `mood` has its say: `dawdle` does not go on, `refuse` gives up.
    fn book(room_id: u64, rsv_id: u64) -> Result<u64, ErrandError> {
        let number = ERRANDS.next_id();
        rooms::hold(room_id, rsv_id)?;
        match config::text("mood").as_deref() {
            Some("dawdle") => dawdle(),
            Some("refuse") => return Err(ErrandError::Refused("Not today.".into())),
            _ => {}
        }
        payments::approve(rsv_id, room_id)?;
        ERRANDS.put(number, &rsv_id)?;
        Ok(number)
    }
}

fn dawdle() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

impl From<RoomError> for ErrandError {
    fn from(error: RoomError) -> Self {
        match error {
            RoomError::NotFound(reason) | RoomError::Taken(reason) => Self::Refused(reason),
            RoomError::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

impl From<PaymentError> for ErrandError {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::Declined(reason) => Self::Refused(reason),
            PaymentError::Unavailable(reason) | PaymentError::DeadlineExceeded(reason) => {
                Self::Unavailable(reason)
            }
        }
    }
}

impl From<Fault> for ErrandError {
    fn from(fault: Fault) -> Self {
        Self::Unavailable(fault.to_string())
    }
}

fn list(paging: Paging) -> Answer {
    Response::ok(&ERRANDS.page(paging)?)
}

innkeeper_sdk::context! {
    summary: "Runs errands.",
    tables: [ERRANDS],
    routes: {
        GET "/errands" => list,
    },
}
