//! The context destination: what stay says of the rooms that orders go to. Shop serves it where stay publishes its events beside it (docs/events.md), and does without it elsewhere.

use innkeeper_sdk::prelude::*;

innkeeper_sdk::context! {
    summary: "What stay says of the rooms that orders go to.",
    tables: [ROOMS, ORDERS],
    routes: {
        /// The room that an order goes to, as stay has told of it last.
        GET "/orders/{id}/destination" => of_order,
    },
    follows: {
        "stay": RoomRegistered | RoomModified | RoomReserved | RoomCancelled => room_changed,
        "stay": RoomDeleted => room_deleted,
        "orders": OrderPlaced => order_placed,
    },
}

innkeeper_sdk::events! {
    /// A room was registered.
    pub RoomRegistered: Room,
    /// A room's description or reviews changed.
    pub RoomModified: Room,
    /// A reservation has a room.
    pub RoomReserved: Room,
    /// The reservation of a room was cancelled.
    pub RoomCancelled: Room,
    /// A room was deleted.
    pub RoomDeleted: Room,
    /// An order was placed.
    pub OrderPlaced: Order,
}

/// What is known of each room.
const ROOMS: Table<u64, Room> = Table::new("rooms");

/// The room that each order goes to.
const ORDERS: Table<u64, u64> = Table::new("orders");

/// Whether somebody stays in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Record, EventData)]
#[serde(rename_all = "camelCase")]
pub enum RoomStatus {
    /// Nobody has booked it, or nobody has any more.
    Available,
    /// A reservation has it.
    Reserved,
    /// It is there no longer. Stay says so by the kind of the event.
    Deleted,
}

/// What is read of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Record, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    room_id: u64,
    desc: String,
    status: RoomStatus,
    /// The reservation that has it, or that has just left it.
    rsv_id: Option<u64>,
    /// Counts the events about the room: of two, the one with the higher number is newer.
    revision: u64,
}

/// What is read of an order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    order_id: u64,
    room_id: Option<u64>,
}

/// Where an order goes. What stay has not told is null.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    order_id: u64,
    room_id: u64,
    /// What the room is like.
    desc: Option<String>,
    /// Whether somebody stays there.
    room_status: Option<RoomStatus>,
    /// The reservation that has it, while one does.
    rsv_id: Option<u64>,
}

/// The room is as the newest event says, whichever comes last: a stream that is published anew brings older ones again.
fn room_changed(room: Room) -> Outcome {
    let known = ROOMS.get(room.room_id)?;
    if known.is_some_and(|known| known.revision >= room.revision) {
        return Ok(());
    }
    Ok(ROOMS.put(room.room_id, &room)?)
}

fn room_deleted(room: Room) -> Outcome {
    room_changed(Room {
        status: RoomStatus::Deleted,
        ..room
    })
}

/// Whether stay has told of the room is looked at when it is asked: either may come first.
fn order_placed(Order { order_id, room_id }: Order) -> Outcome {
    match room_id {
        Some(room_id) => Ok(ORDERS.put(order_id, &room_id)?),
        None => Ok(()),
    }
}

/// `GET /orders/{id}/destination`
fn of_order(Path(order_id): Path<u64>) -> Answer<Json<Destination>> {
    let nowhere = || Problem::not_found(format!("No order {order_id} goes to a room."));
    let room_id = ORDERS.find_or(order_id, nowhere())?;
    let room = ROOMS.get(room_id)?;
    let is_reserved = |room: &&Room| room.status == RoomStatus::Reserved;
    Ok(Json(Destination {
        order_id,
        room_id,
        room_status: room.as_ref().map(|room| room.status),
        rsv_id: room
            .as_ref()
            .filter(is_reserved)
            .and_then(|room| room.rsv_id),
        desc: room.map(|room| room.desc),
    }))
}

#[cfg(test)]
mod tests {
    use innkeeper_sdk::testing::TestContext;
    use serde_json::{Value, json};

    use super::*;

    /// What stay tells of room 7: the kind, the description, the status and the reservation.
    type Told = (&'static str, &'static str, &'static str, Option<u64>);

    /// A room that is booked, cancelled, renamed, booked by another and deleted, in the order in which it happens.
    const STORY: [Told; 6] = [
        ("RoomRegistered", "House", "available", None),
        ("RoomReserved", "House", "reserved", Some(3)),
        ("RoomCancelled", "House", "available", Some(3)),
        ("RoomModified", "New House", "available", Some(3)),
        ("RoomReserved", "New House", "reserved", Some(4)),
        ("RoomDeleted", "New House", "available", None),
    ];

    fn tell(guest: &TestContext<Component>, revision: usize) {
        let (kind, desc, status, rsv_id) = STORY[revision - 1];
        let data = json!({
            "roomId": 7, "desc": desc, "status": status, "reviewCnt": 0, "lastAction": "modify", "rsvId": rsv_id,
            "revision": revision,
        });
        guest.deliver("stay", kind, "7", data).unwrap();
    }

    fn place(guest: &TestContext<Component>, order_id: u64, room_id: Option<u64>) {
        let data = json!({"orderId": order_id, "roomId": room_id, "productName": "Tea"});
        let subject = order_id.to_string();
        guest
            .deliver("orders", "OrderPlaced", &subject, data)
            .unwrap();
    }

    fn destination(guest: &TestContext<Component>, order_id: u64) -> Value {
        guest.get(&format!("/orders/{order_id}/destination")).body
    }

    fn shown(desc: Value, status: Value, rsv_id: Value) -> Value {
        json!({"orderId": 1, "roomId": 7, "desc": desc, "roomStatus": status, "rsvId": rsv_id})
    }

    /// What is shown of order 1 when stay has told so much of the story.
    fn after(revision: usize) -> Value {
        match revision {
            0 => shown(Value::Null, Value::Null, Value::Null),
            1 | 3 => shown("House".into(), "available".into(), Value::Null),
            2 => shown("House".into(), "reserved".into(), 3.into()),
            4 => shown("New House".into(), "available".into(), Value::Null),
            5 => shown("New House".into(), "reserved".into(), 4.into()),
            _ => shown("New House".into(), "deleted".into(), Value::Null),
        }
    }

    #[test]
    fn an_order_shows_its_room_as_stay_tells_of_it() {
        let guest = TestContext::<Component>::new();
        place(&guest, 1, Some(7));
        assert_eq!(destination(&guest, 1), after(0), "stay may be away");
        for revision in 1..=STORY.len() {
            tell(&guest, revision);
            assert_eq!(destination(&guest, 1), after(revision));
        }
    }

    /// Whatever is told of the story, in whatever order and how often: the newest of it is shown.
    #[test]
    fn what_comes_late_or_again_changes_nothing() {
        for newest in 1..=STORY.len() {
            for first in 1..=newest {
                let guest = TestContext::<Component>::new();
                tell(&guest, first);
                tell(&guest, newest);
                place(&guest, 1, Some(7));
                for late in (1..=newest).rev() {
                    tell(&guest, late);
                    assert_eq!(destination(&guest, 1), after(newest), "{late} comes late");
                }
                place(&guest, 1, Some(7));
                assert_eq!(destination(&guest, 1), after(newest));
            }
        }
    }

    #[test]
    fn what_goes_to_no_room_has_no_destination() {
        let guest = TestContext::<Component>::new();
        tell(&guest, 1);
        place(&guest, 2, None);
        for order_id in [1, 2] {
            let path = format!("/orders/{order_id}/destination");
            assert_eq!(guest.get(&path).status, 404);
        }
    }
}
