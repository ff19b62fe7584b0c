//! What orders knows of the products: a copy, kept by following their changes. Price and stock of a product are of one moment, since they are one row.

use innkeeper_sdk::prelude::*;

use crate::events::Product;

/// What is known of each product.
pub const OFFERS: Table<u64, Offer> = Table::new("offers");

/// What is known of a product.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Offer {
    /// Its name.
    pub name: String,
    /// The price of one.
    pub price: u64,
    /// How many there were that no order had.
    pub stock: u64,
    /// Which of its changes this is.
    pub revision: u64,
}

/// Takes over what products says, unless something newer is known.
pub fn remember(product: Product) -> Outcome {
    let known = OFFERS.get(product.product_id)?;
    if known.is_some_and(|known| known.revision >= product.revision) {
        return Ok(());
    }
    let offer = Offer {
        name: product.product_name,
        price: product.product_price,
        stock: product.product_stock,
        revision: product.revision,
    };
    Ok(OFFERS.put(product.product_id, &offer)?)
}
