//! The aggregate Product.

use innkeeper_sdk::prelude::*;

use crate::events::{ProductChanged, ProductFact};

/// The products.
pub const PRODUCTS: Table<u64, Product> = Table::new("products");

/// A product, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Product {
    /// Its id.
    pub product_id: u64,
    /// Its name.
    pub name: String,
    /// The price of one.
    pub price: u64,
    /// How many there are that no order has.
    pub stock: u64,
    /// Where a picture of it is.
    pub image_url: Option<String>,
    /// What can be chosen.
    pub options: Vec<ProductOption>,
    /// How many events have been about it.
    pub revision: u64,
}

/// Something that can be chosen of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Record, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductOption {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
}

impl Product {
    /// Stores it, and tells the others.
    pub fn put(&mut self) -> Result<(), Fault> {
        self.revision += 1;
        emit::<ProductChanged>(&ProductFact {
            product_id: self.product_id,
            product_name: self.name.clone(),
            product_price: self.price,
            product_stock: self.stock,
            image_url: self.image_url.clone(),
            revision: self.revision,
        })?;
        PRODUCTS.put(self.product_id, self)
    }
}
