//! The context mypage: a projection that shows customers their orders with their deliveries, and their mileage. The same as python/mypage, which serves unless told otherwise; each reads the
//! other's state.

mod events;
mod history;
mod mileage;
mod policy;
mod web;

use events::*;

innkeeper_sdk::context! {
    summary: "What customers see of their orders, deliveries and mileage.",
    tables: [history::ROWS, mileage::ENTRIES, mileage::TOTALS],
    routes: {
        /// A customer's orders with their deliveries, newest first.
        GET "/mypage/orders/{customer-id}" => web::orders,
        /// How a customer's mileage came about, newest first.
        GET "/mypage/mileage/{customer-id}" => web::mileage,
    },
    follows: {
        "orders": OrderPlaced => policy::placed,
        "orders": OrderCancelled => policy::cancelled,
        "delivery": DeliveryStarted => policy::delivery_started,
        "delivery": DeliveryCompleted => policy::delivery_completed,
        "delivery": DeliveryCancelled => policy::delivery_cancelled,
    },
}

#[cfg(test)]
mod tests;
