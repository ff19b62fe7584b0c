//! The cancelling saga: products and delivery follow what is cancelled here. A customer may cancel until the order is delivered; what cannot be had is cancelled, too.

use innkeeper_sdk::prelude::*;

use crate::calls::deliveries::{self, DeliveryError};
use crate::events::*;
use crate::order::{ORDERS, Order, State};

/// In how many seconds to try again when delivery cannot be reached.
const RETRY_AFTER: u32 = 1;

/// What a client may set on an order that exists: that it be cancelled.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderChange {
    #[serde(rename = "state")]
    _state: Wish,
}

/// The one state that a client may ask for: `OrderCancelled`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct Wish;

impl TryFrom<String> for Wish {
    type Error = &'static str;

    fn try_from(state: String) -> Result<Self, Self::Error> {
        if state == "OrderCancelled" {
            Ok(Self)
        } else {
            Err("the only state to ask for is OrderCancelled")
        }
    }
}

/// `PATCH /orders/{id}`: cancels. Asking again is no error, and changes nothing.
pub fn modify(Path(id): Path<u64>, Json(_): Json<OrderChange>) -> Answer<Json<Order>> {
    let mut order = ORDERS.find(id)?;
    if order.state == State::OrderPlaced {
        hold_delivery(id)?;
        cancel(&mut order)?;
    }
    Ok(Json(order))
}

/// An order that products has nothing for is cancelled. Nothing was taken for it, so nothing is delivered.
pub fn roll_back(out_of_stock: OutOfStock) -> Outcome {
    let OutOfStock {
        product_id,
        order_id,
    } = out_of_stock;
    let Some(mut order) = ORDERS.get(order_id)? else {
        return Ok(());
    };
    innkeeper_sdk::info!("order {order_id} is rolled back: product {product_id} is out of stock");
    Ok(cancel(&mut order)?)
}

fn cancel(order: &mut Order) -> Result<(), Fault> {
    if order.state == State::OrderPlaced {
        order.state = State::OrderCancelled;
        emit::<OrderCancelled>(order)?;
        ORDERS.put(order.order_id, order)?;
    }
    Ok(())
}

/// Keeps the delivery from being completed until it hears that its order is cancelled: from the answer on nobody can be too late.
fn hold_delivery(order_id: u64) -> Result<(), Problem> {
    match deliveries::hold(order_id) {
        Ok(_) => Ok(()),
        Err(DeliveryError::Completed(reason)) => Err(Problem::conflict(reason)),
        Err(DeliveryError::Unavailable(reason)) => {
            innkeeper_sdk::warn!("not cancelled: {reason}");
            Err(Problem::unavailable(
                "Whether it is delivered cannot be told at the moment; nothing was cancelled.",
                RETRY_AFTER,
            ))
        }
    }
}
