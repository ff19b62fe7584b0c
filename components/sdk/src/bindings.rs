//! What wit-bindgen makes of `wit`: the contract as it crosses between host and guest.
#![allow(
    missing_docs,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

wit_bindgen::generate!({
    path: "wit",
    world: "context",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_context",
    default_bindings_module: "innkeeper_sdk::bindings",
    runtime_path: "innkeeper_sdk::wit_bindgen::rt",
});
