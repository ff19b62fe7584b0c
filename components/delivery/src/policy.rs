//! What delivery does about events. Those of products and of orders come in any order.

use innkeeper_sdk::{Config, cancel as cancel_timer, emit_after, prelude::*};

use crate::delivery::{self, BY_ORDER, DELIVERIES, Delivery, ENDED, State};
use crate::events::*;
use crate::hold;
use crate::settings::Settings;

/// What was taken for an order is delivered, unless the order has ended meanwhile.
pub fn start(taken: Taken) -> Outcome {
    let order_id = taken.order_id;
    if ENDED.contains(order_id) || BY_ORDER.contains(order_id) {
        return Ok(());
    }
    let delivery_id = DELIVERIES.next_id();
    let Settings { delivery_time } = Config::<Settings>::read()?;
    let timer = emit_after::<DeliveryDue>(delivery_time.milliseconds(), &Due { delivery_id })?;
    let delivery = Delivery {
        delivery_id,
        order_id,
        product_id: taken.product_id,
        product_name: taken.product_name,
        quantity: taken.quantity,
        customer_id: taken.customer_id,
        customer_name: taken.customer_name,
        delivery_address: taken.customer_addr,
        room_id: taken.room_id,
        delivery_state: State::DeliveryStarted,
        timer: Some(timer),
    };
    emit::<DeliveryStarted>(&delivery.fact())?;
    BY_ORDER.put(order_id, &delivery_id)?;
    Ok(DELIVERIES.put(delivery_id, &delivery)?)
}

/// A delivery arrives. One that somebody holds waits for them.
pub fn due(Due { delivery_id }: Due) -> Outcome {
    let Some(mut delivery) = DELIVERIES.get(delivery_id)? else {
        return Ok(());
    };
    if delivery.delivery_state != State::DeliveryStarted {
        return Ok(());
    }
    delivery.timer = None;
    if hold::is_held(delivery.order_id) {
        return Ok(DELIVERIES.put(delivery_id, &delivery)?);
    }
    Ok(delivery.complete()?)
}

/// Nothing is delivered of an order that was cancelled.
pub fn cancel(Order { order_id }: Order) -> Outcome {
    hold::end_all(order_id)?;
    let Some(mut delivery) = delivery::of_order(order_id)? else {
        return Ok(ENDED.put(order_id, &())?);
    };
    match delivery.delivery_state {
        State::DeliveryStarted => {}
        State::DeliveryCompleted | State::DeliveryCancelled => return Ok(()),
    }
    if let Some(timer) = delivery.timer.take() {
        cancel_timer(&timer);
    }
    delivery.delivery_state = State::DeliveryCancelled;
    emit::<DeliveryCancelled>(&delivery.fact())?;
    Ok(DELIVERIES.put(delivery.delivery_id, &delivery)?)
}
