//! What wit-bindgen makes of the interface `migration`. Apart from [`bindings`](crate::bindings), since only a context that declares a schema exports it.
#![allow(
    missing_docs,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

wit_bindgen::generate!({
    inline: "
        package innkeeper:sdk;
        world evolving {
            export innkeeper:context/migration@0.4.0;
        }
    ",
    path: "wit",
    with: { "innkeeper:context/state@0.4.0": crate::bindings::innkeeper::context::state },
    pub_export_macro: true,
    export_macro_name: "export_migration",
    default_bindings_module: "innkeeper_sdk::evolving",
    runtime_path: "innkeeper_sdk::wit_bindgen::rt",
});
