//! The context roomservice: what the shop delivers to each room. Stay serves it where shop publishes its events beside it (docs/events.md), and does without it elsewhere.

use innkeeper_sdk::prelude::*;

innkeeper_sdk::context! {
    summary: "What the shop delivers to each room.",
    tables: [DELIVERIES],
    routes: {
        /// What was delivered to a room and what is under way, the newest first.
        GET "/roomviews/{id}/deliveries" => of_room,
    },
    follows: {
        "shop": DeliveryStarted | DeliveryCompleted | DeliveryCancelled => changed,
    },
}

innkeeper_sdk::events! {
    /// A delivery is under way.
    pub DeliveryStarted: Delivery,
    /// A delivery has arrived.
    pub DeliveryCompleted: Delivery,
    /// A delivery was cancelled with its order.
    pub DeliveryCancelled: Delivery,
}

/// What is known of each delivery to a room, by room and delivery.
const DELIVERIES: Table<(u64, u64), Delivery> = Table::new("deliveries");

/// How many are shown.
const NEWEST: u32 = 100;

/// How far a delivery has come; a later state is greater.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Record, EventData,
)]
pub enum State {
    /// It is under way.
    DeliveryStarted,
    /// It has arrived.
    DeliveryCompleted,
    /// Its order was cancelled.
    DeliveryCancelled,
}

/// What is read of a delivery, and shown of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Record, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    delivery_id: u64,
    order_id: u64,
    product_name: String,
    quantity: u64,
    room_id: Option<u64>,
    delivery_state: State,
}

/// What goes to a room is noted. The state only moves forward.
fn changed(delivery: Delivery) -> Outcome {
    let Some(room_id) = delivery.room_id else {
        return Ok(());
    };
    let key = (room_id, delivery.delivery_id);
    let known = DELIVERIES.get(key)?;
    if known.is_some_and(|known| known.delivery_state >= delivery.delivery_state) {
        return Ok(());
    }
    Ok(DELIVERIES.put(key, &delivery)?)
}

/// `GET /roomviews/{id}/deliveries`
fn of_room(Path(id): Path<u64>) -> Answer<Json<Vec<Delivery>>> {
    let deliveries = DELIVERIES.last_of(id, NEWEST)?.into_iter();
    Ok(Json(deliveries.map(|(_, delivery)| delivery).collect()))
}

#[cfg(test)]
mod tests {
    use innkeeper_sdk::testing::TestContext;
    use serde_json::{Value, json};

    use super::*;

    fn delivery(delivery_id: u64, room_id: Option<u64>, state: &str) -> Value {
        json!({
            "deliveryId": delivery_id, "orderId": 5, "productName": "Tea", "quantity": 2, "roomId": room_id,
            "deliveryState": state,
        })
    }

    #[test]
    fn what_goes_to_a_room_is_shown_with_it_and_nothing_else() {
        let guest = TestContext::<Component>::new();
        for (id, room, state) in [
            (1, Some(7), "DeliveryStarted"),
            (2, Some(7), "DeliveryStarted"),
            (3, Some(8), "DeliveryStarted"),
            (4, None, "DeliveryStarted"),
            (1, Some(7), "DeliveryCompleted"),
            // It comes again.
            (1, Some(7), "DeliveryStarted"),
        ] {
            let data = delivery(id, room, state);
            guest.deliver("shop", state, &id.to_string(), data).unwrap();
        }
        let shown = json!([
            delivery(2, Some(7), "DeliveryStarted"),
            delivery(1, Some(7), "DeliveryCompleted")
        ]);
        assert_eq!(guest.get("/roomviews/7/deliveries").body, shown);
        assert_eq!(guest.get("/roomviews/9/deliveries").body, json!([]));
    }
}
