//! Reads what room tells: of what is changed it says what, down to the cases of an action; of what is registered it does not.

use innkeeper_sdk::bindings::innkeeper::context::state;
use innkeeper_sdk::config;
use innkeeper_sdk::prelude::*;

innkeeper_sdk::context! {
    summary: "Has heard of rooms.",
    tables: [HEARD],
    routes: { GET "/gossip/{room}" => show },
    follows: {
        "room": RoomModified => modified,
        "room": RoomRegistered => registered,
    },
}

innkeeper_sdk::events! {
    /// A room's description or reviews changed.
    pub RoomModified: Change,
    /// A room was registered.
    pub RoomRegistered: Registered,
}

/// How often each room was heard of.
const HEARD: Table<u64, u64> = Table::new("heard");

/// What is read of a change.
#[derive(Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    room_id: u64,
    last_action: Action,
    revision: u64,
}

/// What was last done with a room.
#[derive(Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// It was registered.
    Register,
    /// Its description was changed.
    Modify,
    /// A review of it was written, changed or deleted.
    Review,
    /// It was reserved.
    Reserved,
    /// Its reservation was cancelled.
    Cancelled,
}

/// What is read of a new room, which nobody is told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registered {
    room_id: u64,
}

fn show(Path(room): Path<u64>) -> Answer<Json<u64>> {
    Ok(Json(HEARD.find(room)?))
}

fn modified(change: Change) -> Outcome {
    match change.last_action {
        Action::Register | Action::Reserved | Action::Cancelled => Ok(()),
        Action::Modify | Action::Review => Ok(HEARD.put(change.room_id, &change.revision)?),
    }
}

fn registered(room: Registered) -> Outcome {
    if let Some(length) = config::text("key") {
        // A key of so many bytes, in a table that is described where there is room for its name.
        let mut key = format!("heard/{}", "k".repeat(2_000));
        key.truncate(length.parse().unwrap_or(0));
        state::put(&key, b"0");
    }
    Ok(HEARD.put(room.room_id, &0)?)
}
