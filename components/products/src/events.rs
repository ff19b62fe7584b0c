//! The events that products publishes, and what it reads of those that it follows.

use innkeeper_sdk::prelude::*;

innkeeper_sdk::events! {
    /// A product is new, or something of it has changed: its stock, too.
    pub ProductChanged: ProductFact,
    /// An order has what it wants.
    pub StockTaken: TakenStock,
    /// An order cannot have what it wants.
    pub ProductOutOfStock: OutOfStock,
    /// An order was placed.
    pub OrderPlaced: Order,
    /// An order was cancelled.
    pub OrderCancelled: Cancelled,
}

/// A product, as events tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct ProductFact {
    /// The product.
    pub product_id: u64,
    /// Its name.
    pub product_name: String,
    /// The price of one.
    pub product_price: u64,
    /// How many there are that no order has.
    pub product_stock: u64,
    /// Where a picture of it is.
    pub image_url: Option<String>,
    /// Counts the events about the product: of two, the one with the higher number is newer.
    pub revision: u64,
}

impl Subject for ProductFact {
    fn subject(&self) -> String {
        self.product_id.to_string()
    }
}

/// What was taken for an order, and what a delivery of it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct TakenStock {
    /// The order.
    pub order_id: u64,
    /// The product.
    pub product_id: u64,
    /// How many were taken.
    pub quantity: u64,
    /// The product's name.
    pub product_name: String,
    /// Who ordered.
    pub customer_id: String,
    /// Their name.
    pub customer_name: String,
    /// Where it is to be delivered.
    pub customer_addr: String,
    /// The room of `stay` that it is to be delivered to, if it is to one.
    pub room_id: Option<u64>,
}

impl Subject for TakenStock {
    fn subject(&self) -> String {
        self.order_id.to_string()
    }
}

/// Which order cannot have which product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct OutOfStock {
    /// The product.
    pub product_id: u64,
    /// The order.
    pub order_id: u64,
}

impl Subject for OutOfStock {
    fn subject(&self) -> String {
        self.order_id.to_string()
    }
}

/// How the stock of an order is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub enum CheckStock {
    /// By a call, before it was placed: what it wants was taken then.
    Call,
    /// By events: it was placed, and nothing was taken yet.
    Events,
}

/// What products reads of a new order.
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
    /// Who ordered.
    pub customer_id: String,
    /// Their name.
    pub customer_name: String,
    /// Where it is to be delivered.
    pub customer_addr: String,
    /// The room of `stay` that it is to be delivered to, if it is to one.
    pub room_id: Option<u64>,
    /// How its stock is checked.
    pub check_stock: CheckStock,
}

/// What products reads of an order that was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Cancelled {
    /// The order.
    pub order_id: u64,
}
