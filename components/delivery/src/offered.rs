//! What delivery offers to other contexts.

use innkeeper_sdk::invocation;

use crate::Component;
use crate::delivery::{self, State};
use crate::hold::{self, HOLDS};
use crate::offers::deliveries::{DeliveryError, Guest};

impl Guest for Component {
    fn hold(order_id: u64) -> Result<String, DeliveryError> {
        let delivery = delivery::of_order(order_id)?;
        if delivery.is_some_and(|delivery| delivery.delivery_state == State::DeliveryCompleted) {
            return Err(DeliveryError::Completed(format!(
                "Order {order_id} is delivered."
            )));
        }
        let hold_id = invocation::new_id();
        HOLDS.put((order_id, &hold_id), &())?;
        Ok(hold_id)
    }

    fn release(order_id: u64, hold_id: String) -> Result<(), DeliveryError> {
        HOLDS.delete((order_id, &hold_id));
        let Some(delivery) = delivery::of_order(order_id)? else {
            return Ok(());
        };
        // Its time came while it was held.
        let is_due = delivery.delivery_state == State::DeliveryStarted && delivery.timer.is_none();
        if is_due && !hold::is_held(order_id) {
            delivery.complete()?;
        }
        Ok(())
    }
}
