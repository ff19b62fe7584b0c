//! Whether there is enough of a product: products is asked by a call, or what is known of it from its events is believed at first.

use innkeeper_sdk::prelude::*;

use crate::calls::stock::{self, StockError};
use crate::offer::OFFERS;

/// In how many seconds to try again when products cannot be reached.
const RETRY_AFTER: u32 = 1;

/// What operators may set.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How the stock is checked.
    pub check_stock: CheckStock,
}

/// How the stock of an order is checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Record, EventData)]
#[serde(rename_all = "camelCase")]
pub enum CheckStock {
    /// By a call, before it is placed: products takes what it wants, or it is not placed.
    #[default]
    Call,
    /// By events: it is placed by what is known of the product, and products takes what it wants when it hears of it, or it is cancelled.
    Events,
}

/// What is ordered, at the moment when its stock was looked at.
#[derive(Debug, PartialEq, Eq)]
pub struct Priced {
    /// The product's name.
    pub name: String,
    /// The price of one.
    pub price: u64,
}

/// Looks whether an order can have what it wants.
pub fn check(
    how: CheckStock,
    order_id: u64,
    product_id: u64,
    quantity: u64,
) -> Result<Priced, Problem> {
    match how {
        CheckStock::Call => taken(stock::take(order_id, product_id, quantity)),
        CheckStock::Events => offered(product_id, quantity),
    }
}

fn taken(answer: Result<stock::Taken, StockError>) -> Result<Priced, Problem> {
    match answer {
        Ok(taken) => Ok(Priced {
            name: taken.product_name,
            price: taken.price,
        }),
        Err(StockError::NotFound(reason)) => Err(Problem::invalid("/productId", reason)),
        Err(StockError::OutOfStock(reason)) => Err(Problem::conflict(reason)),
        Err(StockError::Unavailable(reason)) => {
            innkeeper_sdk::warn!("not ordered: {reason}");
            Err(Problem::unavailable(
                "The stock cannot be looked at at the moment; nothing was ordered.",
                RETRY_AFTER,
            ))
        }
    }
}

fn offered(product_id: u64, quantity: u64) -> Result<Priced, Problem> {
    let Some(offer) = OFFERS.get(product_id)? else {
        return Err(Problem::invalid(
            "/productId",
            format!("There is no product {product_id}."),
        ));
    };
    if offer.stock < quantity {
        return Err(Problem::conflict(format!(
            "Product {product_id} is out of stock: {} left.",
            offer.stock
        )));
    }
    Ok(Priced {
        name: offer.name,
        price: offer.price,
    })
}
