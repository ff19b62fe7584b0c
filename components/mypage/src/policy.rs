//! How events change the view. Each changes what it tells of, and that once.

use innkeeper_sdk::prelude::*;

use crate::events::*;
use crate::history::{OrderHistory, OrderState};
use crate::mileage;

/// An order was placed: it is worth mileage.
pub fn placed(Happened { data, time, .. }: Happened<OrderPlaced>) -> Outcome {
    let mut row = OrderHistory::of_order(&data)?;
    let payment = data.price.saturating_mul(data.quantity);
    row.timestamp = Some(time);
    row.payment = Some(payment);
    // What is known already stays: the order may have been cancelled since.
    if row.order_state.is_none() {
        row.order_state = Some(OrderState::OrderPlaced);
        mileage::give(&row.user_id, row.order_id, payment, time)?;
    }
    Ok(row.put()?)
}

/// An order was cancelled: what it was worth is taken back.
pub fn cancelled(Happened { data, time, .. }: Happened<OrderCancelled>) -> Outcome {
    let mut row = OrderHistory::of_order(&data)?;
    if row.order_state == Some(OrderState::OrderPlaced) {
        let payment = row.payment.unwrap_or_default();
        mileage::take_back(&row.user_id, row.order_id, payment, time)?;
    }
    row.order_state = Some(OrderState::OrderCancelled);
    Ok(row.put()?)
}

/// A delivery is under way.
pub fn delivery_started(delivery: Delivery) -> Outcome {
    let mut row = OrderHistory::of_delivery(&delivery)?;
    row.delivery_started = true;
    Ok(row.put()?)
}

/// A delivery has arrived.
pub fn delivery_completed(delivery: Delivery) -> Outcome {
    let mut row = OrderHistory::of_delivery(&delivery)?;
    row.delivery_completed = true;
    Ok(row.put()?)
}

/// A delivery was cancelled.
pub fn delivery_cancelled(delivery: Delivery) -> Outcome {
    let mut row = OrderHistory::of_delivery(&delivery)?;
    row.delivery_cancelled = true;
    Ok(row.put()?)
}
