//! The aggregate Delivery: it starts, and is then completed or cancelled.

use innkeeper_sdk::prelude::*;

use crate::events::{DeliveryCompleted, DeliveryFact};

/// The deliveries.
pub const DELIVERIES: Table<u64, Delivery> = Table::new("deliveries");

/// The delivery of each order.
pub const BY_ORDER: Table<u64, u64> = Table::new("by-order");

/// The orders that were cancelled before a delivery had started: none starts for them any more.
pub const ENDED: Table<u64, ()> = Table::new("ended");

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Record, EventData)]
#[expect(
    clippy::enum_variant_names,
    reason = "they are shown and stored by these names"
)]
pub enum State {
    /// It is under way.
    DeliveryStarted,
    /// It has arrived.
    DeliveryCompleted,
    /// Its order was cancelled.
    DeliveryCancelled,
}

/// A delivery, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Delivery {
    /// Its id.
    pub delivery_id: u64,
    /// The order.
    pub order_id: u64,
    /// What is delivered.
    pub product_id: u64,
    /// Its name.
    pub product_name: String,
    /// How many.
    pub quantity: u64,
    /// Who ordered.
    pub customer_id: String,
    /// Their name.
    pub customer_name: String,
    /// Where to.
    pub delivery_address: String,
    /// The room of `stay` that it is delivered to, if it is to one.
    pub room_id: Option<u64>,
    /// How far it has come.
    pub delivery_state: State,
    /// The timer that completes it, while it is set.
    pub timer: Option<String>,
}

/// The delivery of an order.
pub fn of_order(order_id: u64) -> Result<Option<Delivery>, Fault> {
    match BY_ORDER.get(order_id)? {
        Some(delivery_id) => DELIVERIES.get(delivery_id),
        None => Ok(None),
    }
}

impl Delivery {
    /// It has arrived.
    pub fn complete(mut self) -> Result<(), Fault> {
        self.delivery_state = State::DeliveryCompleted;
        emit::<DeliveryCompleted>(&self.fact())?;
        DELIVERIES.put(self.delivery_id, &self)
    }

    /// The delivery, as it is shown and as events tell it.
    pub fn fact(&self) -> DeliveryFact {
        let delivery = self.clone();
        DeliveryFact {
            delivery_id: delivery.delivery_id,
            order_id: delivery.order_id,
            product_id: delivery.product_id,
            product_name: delivery.product_name,
            quantity: delivery.quantity,
            customer_id: delivery.customer_id,
            customer_name: delivery.customer_name,
            delivery_address: delivery.delivery_address,
            room_id: delivery.room_id,
            delivery_state: delivery.delivery_state,
        }
    }
}
