//! `/reviews`

use innkeeper_sdk::prelude::*;

use crate::events::*;
use crate::review::{REVIEWS, Review};
use crate::room::ROOMS;

/// What a client may set on a new review.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewReview {
    room_id: u64,
    content: Text<2000>,
}

/// What a client may set on a review that exists: it stays with its room.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewChange {
    content: Text<2000>,
}

/// `POST /reviews`
pub fn create(Json(new): Json<NewReview>) -> Answer<Created<Review>> {
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
    let location = format!("/reviews/{}", review.review_id);
    Ok(Created::at(location, review))
}

/// `GET /reviews`
pub fn list(paging: Paging) -> Answer<Page<Review>> {
    Ok(REVIEWS.page(paging)?)
}

/// `GET /reviews/{id}`
pub fn show(Path(id): Path<u64>) -> Answer<Json<Review>> {
    Ok(Json(REVIEWS.find(id)?))
}

/// `PATCH /reviews/{id}`
pub fn modify(Path(id): Path<u64>, Json(change): Json<ReviewChange>) -> Answer<Json<Review>> {
    let mut review = REVIEWS.find(id)?;
    review.content = change.content.into();
    REVIEWS.put(id, &review)?;
    emit::<ReviewModified>(&review)?;
    Ok(Json(review))
}

/// `DELETE /reviews/{id}`
pub fn delete(Path(id): Path<u64>) -> Answer<NoContent> {
    let review = REVIEWS.find(id)?;
    REVIEWS.delete(id);
    emit::<ReviewDeleted>(&review)?;
    Ok(NoContent)
}
