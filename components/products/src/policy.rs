//! What products does about orders.

use innkeeper_sdk::prelude::*;

use crate::events::*;
use crate::taking::{self, Refusal, TAKINGS, Taken, Taking};

/// A new order gets what it wants, or is told that it cannot. What a call has taken for it is not taken again.
pub fn serve(order: Order) -> Outcome {
    let order_id = order.order_id;
    match (TAKINGS.get(order_id)?, order.check_stock) {
        (Some(Taking::Taken(taken)), _) => Ok(announce(&order, taken)?),
        (Some(Taking::Refused | Taking::Ended), _) => Ok(()),
        (None, CheckStock::Events) => Ok(take(&order)?),
        (None, CheckStock::Call) => Err(PolicyError::Reject(format!(
            "a call is said to have taken the stock of order {order_id}, and none has"
        ))),
    }
}

/// A cancelled order gives back what it took.
pub fn put_back(order: Cancelled) -> Outcome {
    Ok(taking::put_back(order.order_id)?)
}

fn take(order: &Order) -> Result<(), Fault> {
    let &Order {
        order_id,
        product_id,
        quantity,
        ..
    } = order;
    match taking::take(order_id, product_id, quantity)? {
        Ok(_) => announce(
            order,
            Taken {
                product_id,
                quantity,
                is_announced: false,
            },
        ),
        Err(Refusal::NotFound(reason) | Refusal::OutOfStock(reason)) => {
            innkeeper_sdk::info!("order {order_id} gets nothing: {reason}");
            TAKINGS.put(order_id, &Taking::Refused)?;
            emit::<ProductOutOfStock>(&OutOfStock {
                product_id,
                order_id,
            })?;
            Ok(())
        }
    }
}

/// Says once that an order has what it wants.
fn announce(order: &Order, taken: Taken) -> Result<(), Fault> {
    if taken.is_announced {
        return Ok(());
    }
    emit::<StockTaken>(&TakenStock {
        order_id: order.order_id,
        product_id: taken.product_id,
        quantity: taken.quantity,
        product_name: order.product_name.clone(),
        customer_id: order.customer_id.clone(),
        customer_name: order.customer_name.clone(),
        customer_addr: order.customer_addr.clone(),
        room_id: order.room_id,
    })?;
    let announced = Taken {
        is_announced: true,
        ..taken
    };
    TAKINGS.put(order.order_id, &Taking::Taken(announced))
}
