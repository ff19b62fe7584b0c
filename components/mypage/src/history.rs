//! The history: what is known of each order and its delivery.
//!
//! Events of orders and of delivery come in any order, so whichever is first begins a row, and each changes only what it tells of.

use innkeeper_sdk::prelude::*;

use crate::events::{Delivery, Order};

/// What is known of each order, by customer and order: the newest is the last.
pub const ROWS: Table<(String, u64), OrderHistory> = Table::new("rows");

/// Whether an order is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Record, JsonSchema)]
pub enum OrderState {
    /// It is.
    OrderPlaced,
    /// It was cancelled.
    OrderCancelled,
}

/// What is known of an order. What is not known yet is shown as null.
#[derive(Debug, Clone, PartialEq, Eq, Record, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderHistory {
    /// The order.
    pub order_id: u64,
    /// Who ordered.
    pub user_id: String,
    /// Their name.
    pub nick_name: String,
    /// The product.
    pub product_id: u64,
    /// Its name.
    pub product_name: String,
    /// When it was ordered, in milliseconds since the Unix epoch; none while that is not known.
    pub timestamp: Option<u64>,
    /// How many.
    pub quantity: u64,
    /// What is to be paid; none while that is not known.
    pub payment: Option<u64>,
    /// Whether it is active; none while that is not known.
    pub order_state: Option<OrderState>,
    /// The delivery; none while there is none.
    pub delivery_id: Option<u64>,
    /// Whether it has started.
    pub delivery_started: bool,
    /// Whether it has arrived.
    pub delivery_completed: bool,
    /// Whether it was cancelled.
    pub delivery_cancelled: bool,
}

impl OrderHistory {
    /// The row of an order, begun if need be.
    pub fn of_order(order: &Order) -> Result<Self, Fault> {
        let known = ROWS.get((&order.customer_id, order.order_id))?;
        Ok(known.unwrap_or_else(|| {
            let Order {
                order_id,
                product_id,
                product_name,
                quantity,
                price: _,
                customer_id,
                customer_name,
            } = order.clone();
            Self::new(
                order_id,
                (customer_id, customer_name),
                (product_id, product_name),
                quantity,
            )
        }))
    }

    /// The row of a delivery's order, begun if need be.
    pub fn of_delivery(delivery: &Delivery) -> Result<Self, Fault> {
        let known = ROWS.get((&delivery.customer_id, delivery.order_id))?;
        let mut row = known.unwrap_or_else(|| {
            let Delivery {
                delivery_id: _,
                order_id,
                product_id,
                product_name,
                quantity,
                customer_id,
                customer_name,
            } = delivery.clone();
            Self::new(
                order_id,
                (customer_id, customer_name),
                (product_id, product_name),
                quantity,
            )
        });
        row.delivery_id = Some(delivery.delivery_id);
        Ok(row)
    }

    fn new(
        order_id: u64,
        customer: (String, String),
        product: (u64, String),
        quantity: u64,
    ) -> Self {
        let ((user_id, nick_name), (product_id, product_name)) = (customer, product);
        Self {
            order_id,
            user_id,
            nick_name,
            product_id,
            product_name,
            timestamp: None,
            quantity,
            payment: None,
            order_state: None,
            delivery_id: None,
            delivery_started: false,
            delivery_completed: false,
            delivery_cancelled: false,
        }
    }

    /// Stores it.
    pub fn put(&self) -> Result<(), Fault> {
        ROWS.put((&self.user_id, self.order_id), self)
    }
}
