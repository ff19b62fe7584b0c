//! The rest of `/reservations`.

use innkeeper_sdk::prelude::*;

use crate::policy;
use crate::reservation::RESERVATIONS;

/// What a client may set on a reservation that exists: that it be cancelled.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settable {
    #[serde(rename = "status")]
    _status: Wish,
}

/// The one status that a client may ask for: `reqCancel`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Wish;

impl TryFrom<String> for Wish {
    type Error = &'static str;

    fn try_from(status: String) -> Result<Self, Self::Error> {
        if status == "reqCancel" {
            Ok(Self)
        } else {
            Err("the only status to ask for is reqCancel")
        }
    }
}

/// `GET /reservations`
pub fn list(paging: Paging) -> Answer {
    Response::page(
        &RESERVATIONS
            .page(paging)?
            .map(|reservation| reservation.fact()),
    )
}

/// `GET /reservations/{id}`
pub fn show(Path(id): Path<u64>) -> Answer {
    Response::ok(&RESERVATIONS.find(id)?.fact())
}

/// `PATCH /reservations/{id}`: cancels. Asking again is no error, and changes nothing.
pub fn modify(Path(id): Path<u64>, Json(_): Json<Settable>) -> Answer {
    let mut reservation = RESERVATIONS.find(id)?;
    policy::request_cancel(&mut reservation)?;
    Response::ok(&reservation.fact())
}
