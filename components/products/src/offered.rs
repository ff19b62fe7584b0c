//! What products offers to other contexts.

use crate::Component;
use crate::offers::stock::{Guest, StockError, Taken};
use crate::taking::{self, Refusal};

impl Guest for Component {
    fn take(order_id: u64, product_id: u64, quantity: u64) -> Result<Taken, StockError> {
        match taking::take(order_id, product_id, quantity)? {
            Ok(product) => Ok(Taken {
                product_name: product.name,
                price: product.price,
            }),
            Err(Refusal::NotFound(reason)) => Err(StockError::NotFound(reason)),
            Err(Refusal::OutOfStock(reason)) => Err(StockError::OutOfStock(reason)),
        }
    }

    fn put_back(order_id: u64, _product_id: u64, _quantity: u64) -> Result<(), StockError> {
        Ok(taking::put_back(order_id)?)
    }
}
