//! The aggregate Message.

use innkeeper_sdk::prelude::*;

/// The messages.
pub const MESSAGES: Table<u64, Message> = Table::new("messages");

/// What has been written about each reservation, by reservation and occasion: one message for each.
pub const WRITTEN: Table<(u64, u64), ()> = Table::new("written");

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Record, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Its id.
    pub msg_id: u64,
    /// The room that it is about.
    pub room_id: u64,
    /// What it says.
    pub content: String,
}

/// What a message is written for. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The reservation was confirmed.
    Confirmed = 1,
    /// The reservation was cancelled.
    Cancelled = 2,
}

/// Writes a message, unless there is one about this occasion of the reservation.
pub fn write(rsv_id: u64, room_id: u64, occasion: Occasion) -> Result<(), Fault> {
    let key = (rsv_id, occasion as u64);
    if WRITTEN.contains(key) {
        return Ok(());
    }
    WRITTEN.put(key, &())?;
    let content = match occasion {
        Occasion::Confirmed => format!("Your reservation {rsv_id} of room {room_id} is confirmed."),
        Occasion::Cancelled => format!(
            "Your reservation {rsv_id} of room {room_id} is cancelled, and your payment refunded."
        ),
    };
    let message = Message {
        msg_id: MESSAGES.next_id(),
        room_id,
        content,
    };
    MESSAGES.put(message.msg_id, &message)
}
