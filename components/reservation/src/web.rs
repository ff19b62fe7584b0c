//! The rest of `/reservations`.

use innkeeper_sdk::prelude::*;

use crate::events::ReservationFact;
use crate::policy;
use crate::reservation::RESERVATIONS;

/// What a client may set on a reservation that exists: that it be cancelled.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReservationChange {
    #[serde(rename = "status")]
    _status: Wish,
}

/// The one status that a client may ask for: `reqCancel`.
#[derive(Debug, Deserialize, JsonSchema)]
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
pub fn list(paging: Paging) -> Answer<Page<ReservationFact>> {
    let page = RESERVATIONS.page(paging)?;
    Ok(page.map(|reservation| reservation.fact()))
}

/// `GET /reservations/{id}`
pub fn show(Path(id): Path<u64>) -> Answer<Json<ReservationFact>> {
    Ok(Json(RESERVATIONS.find(id)?.fact()))
}

/// `PATCH /reservations/{id}`: cancels. Asking again is no error, and changes nothing.
pub fn modify(
    Path(id): Path<u64>,
    Json(_): Json<ReservationChange>,
) -> Answer<Json<ReservationFact>> {
    let mut reservation = RESERVATIONS.find(id)?;
    policy::request_cancel(&mut reservation)?;
    Ok(Json(reservation.fact()))
}
