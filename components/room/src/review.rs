//! The aggregate Review, and how reviews are counted.

use innkeeper_sdk::prelude::*;

use crate::room::{Action, Room};

/// The reviews.
pub const REVIEWS: Table<u64, Review> = Table::new("reviews");

/// The reviews that their room's count includes. So counting one again, or taking off one that was never counted, changes nothing.
pub const COUNTED: Table<u64, ()> = Table::new("counted");

/// What someone wrote about a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Record, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// Its id.
    pub review_id: u64,
    /// The room that it is about.
    pub room_id: u64,
    /// What was written.
    pub content: String,
}

/// The subject is the room, so that what happens to its reviews keeps its order.
impl Subject for Review {
    fn subject(&self) -> String {
        self.room_id.to_string()
    }
}

/// Counts a review that exists, once; whether the room has changed.
pub fn count(room: &mut Room, review_id: u64) -> Result<bool, Fault> {
    if COUNTED.contains(review_id) || !REVIEWS.contains(review_id) {
        return Ok(false);
    }
    COUNTED.put(review_id, &())?;
    room.review_cnt += 1;
    room.last_action = Action::Review;
    Ok(true)
}

/// Takes off a review that was counted, once; whether the room has changed.
pub fn discount(room: &mut Room, review_id: u64) -> bool {
    if !COUNTED.contains(review_id) {
        return false;
    }
    COUNTED.delete(review_id);
    room.review_cnt = room.review_cnt.saturating_sub(1);
    room.last_action = Action::Review;
    true
}
