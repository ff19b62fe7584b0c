//! The context delivery: delivers what was ordered. The same as javascript/delivery, which serves unless told otherwise; each reads the other's state.

mod delivery;
mod events;
mod hold;
mod offered;
mod policy;
mod settings;
mod web;

use events::*;

innkeeper_sdk::context! {
    summary: "Deliveries of orders.",
    offers: "shop:delivery/deliveries",
    tables: [delivery::DELIVERIES, delivery::BY_ORDER, delivery::ENDED, hold::HOLDS],
    config: settings::Settings,
    routes: {
        /// The deliveries, oldest first.
        GET "/deliveries" => web::list,
        /// A delivery.
        GET "/deliveries/{id}" => web::show,
    },
    publishes: [DeliveryStarted, DeliveryCompleted, DeliveryCancelled, DeliveryDue],
    follows: {
        "products": StockTaken => policy::start,
        "orders": OrderCancelled => policy::cancel,
        "delivery": DeliveryDue => policy::due,
    },
    compensations: {
        "shop:delivery/deliveries": "hold" => "release",
    },
}

#[cfg(test)]
mod tests;
