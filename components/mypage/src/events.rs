//! What mypage reads of the events that it follows.

use innkeeper_sdk::prelude::*;

innkeeper_sdk::events! {
    /// An order was placed.
    pub OrderPlaced: Order,
    /// An order was cancelled.
    pub OrderCancelled: Order,
    /// A delivery is under way.
    pub DeliveryStarted: Delivery,
    /// A delivery has arrived.
    pub DeliveryCompleted: Delivery,
    /// A delivery was cancelled with its order.
    pub DeliveryCancelled: Delivery,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// The order.
    pub order_id: u64,
    /// The product.
    pub product_id: u64,
    /// Its name.
    pub product_name: String,
    /// How many.
    pub quantity: u64,
    /// The price of one.
    pub price: u64,
    /// Who ordered.
    pub customer_id: String,
    /// Their name.
    pub customer_name: String,
}

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
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
}
