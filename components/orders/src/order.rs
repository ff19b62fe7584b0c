//! The aggregate Order: it is placed, and may be cancelled once.

use innkeeper_sdk::prelude::*;

use crate::stock::CheckStock;

/// The orders.
pub const ORDERS: Table<u64, Order> = Table::new("orders");

/// Whether an order is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Record, EventData)]
pub enum State {
    /// It is.
    OrderPlaced,
    /// It was cancelled.
    OrderCancelled,
}

/// An order, as it is stored and shown, and as events tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Record, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Order {
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

impl Subject for Order {
    fn subject(&self) -> String {
        self.order_id.to_string()
    }
}
