//! The context orders: takes orders and cancels them.

mod cancelling;
mod events;
mod offer;
mod order;
mod placing;
mod stock;
mod web;

use events::*;

innkeeper_sdk::context! {
    summary: "Orders of products: the ordering and cancelling sagas.",
    calls: ["shop:products/stock", "shop:delivery/deliveries"],
    tables: [order::ORDERS, offer::OFFERS],
    config: stock::Settings,
    routes: {
        /// Orders a product.
        POST "/orders" => placing::place,
        /// The orders, oldest first.
        GET "/orders" => web::list,
        /// An order.
        GET "/orders/{id}" => web::show,
        /// Cancels an order.
        PATCH "/orders/{id}" => cancelling::modify,
    },
    publishes: [OrderPlaced, OrderCancelled],
    follows: {
        "products": ProductChanged => offer::remember,
        "products": ProductOutOfStock => cancelling::roll_back,
    },
}

#[cfg(test)]
mod tests;
