//! What each order took of the stock. So what is put back is what was taken, by that order, once.

use innkeeper_sdk::prelude::*;

use crate::product::{PRODUCTS, Product};

/// What became of each order here.
pub const TAKINGS: Table<u64, Taking> = Table::new("takings");

/// What became of an order here.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub enum Taking {
    /// It took something.
    Taken(Taken),
    /// It found too little, and took nothing.
    Refused,
    /// It was cancelled: whatever it took was put back, and it takes nothing any more.
    Ended,
}

/// What an order took.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Taken {
    /// The product.
    pub product_id: u64,
    /// How many.
    pub quantity: u64,
    /// Whether `StockTaken` has said so. What a call took is announced when the order is known to exist.
    pub is_announced: bool,
}

/// Why nothing was taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such product.
    NotFound(String),
    /// There are not so many left.
    OutOfStock(String),
}

/// Takes something for an order, unless it has been taken; answers the product.
pub fn take(
    order_id: u64,
    product_id: u64,
    quantity: u64,
) -> Result<Result<Product, Refusal>, Fault> {
    let Some(mut product) = PRODUCTS.get(product_id)? else {
        let reason = format!("There is no product {product_id}.");
        return Ok(Err(Refusal::NotFound(reason)));
    };
    match TAKINGS.get(order_id)? {
        Some(Taking::Taken(_)) => return Ok(Ok(product)),
        Some(Taking::Refused | Taking::Ended) => {
            let reason = format!("Order {order_id} has ended.");
            return Ok(Err(Refusal::OutOfStock(reason)));
        }
        None => {}
    }
    let Some(left) = product.stock.checked_sub(quantity) else {
        let reason = format!(
            "Product {product_id} is out of stock: {} left.",
            product.stock
        );
        return Ok(Err(Refusal::OutOfStock(reason)));
    };
    product.stock = left;
    product.put()?;
    let taken = Taken {
        product_id,
        quantity,
        is_announced: false,
    };
    TAKINGS.put(order_id, &Taking::Taken(taken))?;
    Ok(Ok(product))
}

/// Puts back what an order took, if it took anything, and lets it take nothing any more.
pub fn put_back(order_id: u64) -> Result<(), Fault> {
    if let Some(Taking::Taken(taken)) = TAKINGS.get(order_id)?
        && let Some(mut product) = PRODUCTS.get(taken.product_id)?
    {
        product.stock += taken.quantity;
        product.put()?;
    }
    TAKINGS.put(order_id, &Taking::Ended)
}
