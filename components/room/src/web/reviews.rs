//! `/reviews`

use innkeeper_sdk::prelude::*;

use crate::events::*;
use crate::review::{REVIEWS, Review};
use crate::room::ROOMS;

/// What a client may set on a new review.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct New {
    room_id: u64,
    content: Text<2000>,
}

/// What a client may set on a review that exists: it stays with its room.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settable {
    content: Text<2000>,
}

/// `POST /reviews`
pub fn create(Json(new): Json<New>) -> Answer {
    let room_id = new.room_id;
    if !ROOMS.contains(room_id) {
        return Err(Problem::invalid(
            "/roomId",
            format!("there is no room {room_id}"),
        ));
    }
    let review = Review {
        review_id: REVIEWS.next_id(),
        room_id,
        content: new.content.into(),
    };
    REVIEWS.put(review.review_id, &review)?;
    emit::<ReviewCreated>(&review)?;
    Response::created(&format!("/reviews/{}", review.review_id), &review)
}

/// `GET /reviews`
pub fn list(paging: Paging) -> Answer {
    Response::page(&REVIEWS.page(paging)?)
}

/// `GET /reviews/{id}`
pub fn show(Path(id): Path<u64>) -> Answer {
    Response::ok(&REVIEWS.find(id)?)
}

/// `PATCH /reviews/{id}`
pub fn modify(Path(id): Path<u64>, Json(change): Json<Settable>) -> Answer {
    let mut review = REVIEWS.find(id)?;
    review.content = change.content.into();
    REVIEWS.put(id, &review)?;
    emit::<ReviewModified>(&review)?;
    Response::ok(&review)
}

/// `DELETE /reviews/{id}`
pub fn delete(Path(id): Path<u64>) -> Answer {
    let review = REVIEWS.find(id)?;
    REVIEWS.delete(id);
    emit::<ReviewDeleted>(&review)?;
    Response::no_content()
}
