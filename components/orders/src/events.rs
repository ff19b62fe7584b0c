//! The events that orders publishes, and what it reads of those that it follows.

use innkeeper_sdk::prelude::*;

use crate::order::State;
use crate::stock::CheckStock;

innkeeper_sdk::events! {
    /// An order was placed.
    pub OrderPlaced: OrderFact,
    /// An order was cancelled.
    pub OrderCancelled: OrderFact,
    /// A product is new, or something of it has changed.
    pub ProductChanged: Product,
    /// An order cannot have what it wants.
    pub ProductOutOfStock: OutOfStock,
}

/// An order, as it is shown and as events tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct OrderFact {
    /// The order.
    pub order_id: u64,
    /// The product.
    pub product_id: u64,
    /// The product's name when it was ordered.
    pub product_name: String,
    /// How many.
    pub quantity: u64,
    /// The price of one when it was ordered.
    pub price: u64,
    /// Who ordered.
    pub customer_id: String,
    /// Their name.
    pub customer_name: String,
    /// Where it is to be delivered.
    pub customer_addr: String,
    /// The room of `stay` that it is to be delivered to, if it is to one.
    pub room_id: Option<u64>,
    /// Whether it is active.
    pub state: State,
    /// How its stock is checked: what was set when it was placed.
    pub check_stock: CheckStock,
}

impl Subject for OrderFact {
    fn subject(&self) -> String {
        self.order_id.to_string()
    }
}

/// What orders reads of a product.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// The product.
    pub product_id: u64,
    /// Its name.
    pub product_name: String,
    /// The price of one.
    pub product_price: u64,
    /// How many there are that no order has.
    pub product_stock: u64,
    /// Counts the events about the product: of two, the one with the higher number is newer.
    pub revision: u64,
}

/// What orders reads of an order that products has nothing for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct OutOfStock {
    /// The product.
    pub product_id: u64,
    /// The order.
    pub order_id: u64,
}
