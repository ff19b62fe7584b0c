//! The events that delivery publishes, and what it reads of those that it follows.

use innkeeper_sdk::prelude::*;

use crate::delivery::State;

innkeeper_sdk::events! {
    /// A delivery is under way.
    pub DeliveryStarted: DeliveryFact,
    /// A delivery has arrived.
    pub DeliveryCompleted: DeliveryFact,
    /// A delivery was cancelled with its order.
    pub DeliveryCancelled: DeliveryFact,
    /// It is time for a delivery to arrive.
    pub DeliveryDue: Due,
    /// An order has what it wants.
    pub StockTaken: Taken,
    /// An order was cancelled.
    pub OrderCancelled: Order,
}

/// A delivery, as it is shown and as events tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryFact {
    /// The delivery.
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
}

impl Subject for DeliveryFact {
    fn subject(&self) -> String {
        self.delivery_id.to_string()
    }
}

/// Which delivery should arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Due {
    /// The delivery.
    pub delivery_id: u64,
}

impl Subject for Due {
    fn subject(&self) -> String {
        self.delivery_id.to_string()
    }
}

/// What delivery reads of an order that has what it wants.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// The order.
    pub order_id: u64,
    /// What was taken for it.
    pub product_id: u64,
    /// Its name.
    pub product_name: String,
    /// How many.
    pub quantity: u64,
    /// Who ordered.
    pub customer_id: String,
    /// Their name.
    pub customer_name: String,
    /// Where they want it.
    pub customer_addr: String,
    /// The room of `stay` where they want it, if it is one.
    pub room_id: Option<u64>,
}

/// What delivery reads of an order that was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// The order.
    pub order_id: u64,
}
