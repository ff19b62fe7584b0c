//! The events that orders publishes, and what it reads of those that it follows.

use innkeeper_sdk::prelude::*;

use crate::order::Order;

innkeeper_sdk::events! {
    /// An order was placed.
    pub OrderPlaced: Order,
    /// An order was cancelled.
    pub OrderCancelled: Order,
    /// A product is new, or something of it has changed.
    pub ProductChanged: Product,
    /// An order cannot have what it wants.
    pub ProductOutOfStock: OutOfStock,
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
