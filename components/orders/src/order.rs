//! The aggregate Order: it is placed, and may be cancelled once.

use innkeeper_sdk::prelude::*;

use crate::events::OrderFact;
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

/// An order, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Order {
    /// Its id.
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

impl Order {
    /// The order, as it is shown and as events tell it.
    pub fn fact(&self) -> OrderFact {
        let order = self.clone();
        OrderFact {
            order_id: order.order_id,
            product_id: order.product_id,
            product_name: order.product_name,
            quantity: order.quantity,
            price: order.price,
            customer_id: order.customer_id,
            customer_name: order.customer_name,
            customer_addr: order.customer_addr,
            room_id: order.room_id,
            state: order.state,
            check_stock: order.check_stock,
        }
    }
}
