//! The ordering saga: it ends with an order that has what it wants, or with none.

use innkeeper_sdk::{Config, prelude::*};

use crate::events::*;
use crate::order::{ORDERS, Order, State};
use crate::stock::{self, Settings};

/// How many pieces somebody wants: from one to a million.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "u64")]
#[json_schema(minimum = 1, maximum = 1_000_000)]
pub struct Quantity(u64);

impl TryFrom<u64> for Quantity {
    type Error = &'static str;

    fn try_from(quantity: u64) -> Result<Self, Self::Error> {
        match quantity {
            1..=1_000_000 => Ok(Self(quantity)),
            _ => Err("must be from 1 to 1000000"),
        }
    }
}

/// What a client may set. Name and price are those of the product.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewOrder {
    product_id: u64,
    quantity: Quantity,
    customer_id: Text<100>,
    customer_name: Text<200>,
    customer_addr: Text<500>,
    room_id: Option<u64>,
}

/// `POST /orders`
pub fn place(
    Json(new): Json<NewOrder>,
    Config(settings): Config<Settings>,
) -> Answer<Created<Order>> {
    let order_id = ORDERS.next_id();
    let (product_id, Quantity(quantity)) = (new.product_id, new.quantity);
    let check_stock = settings.check_stock;
    let priced = stock::check(check_stock, order_id, product_id, quantity)?;
    let order = Order {
        order_id,
        product_id,
        product_name: priced.name,
        quantity,
        price: priced.price,
        customer_id: new.customer_id.into(),
        customer_name: new.customer_name.into(),
        customer_addr: new.customer_addr.into(),
        room_id: new.room_id,
        state: State::OrderPlaced,
        check_stock,
    };
    emit::<OrderPlaced>(&order)?;
    ORDERS.put(order_id, &order)?;
    Ok(Created::at(format!("/orders/{order_id}"), order))
}
