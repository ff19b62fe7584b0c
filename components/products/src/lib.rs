//! The context products: what there is to buy, how many of it, and which order took how many.

mod events;
mod offered;
mod policy;
mod product;
mod taking;
mod web;

use events::*;

innkeeper_sdk::context! {
    summary: "Products and their stock.",
    offers: "shop:products/stock",
    tables: [product::PRODUCTS, taking::TAKINGS],
    routes: {
        /// Puts a product on sale.
        POST "/products" => web::register,
        /// The products, oldest first.
        GET "/products" => web::list,
        /// A product.
        GET "/products/{id}" => web::show,
        /// Changes a product: what is not named stays.
        PATCH "/products/{id}" => web::modify,
    },
    publishes: [ProductChanged, StockTaken, ProductOutOfStock],
    follows: {
        "orders": OrderPlaced => policy::serve,
        "orders": OrderCancelled => policy::put_back,
    },
    compensations: {
        "shop:products/stock": "take" => "put-back",
    },
}

#[cfg(test)]
mod tests;
