//! What wit-bindgen makes of the interface `document`. Apart from [`bindings`](crate::bindings), since only a context that has routes exports it.
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
        world documented {
            export innkeeper:context/document@0.4.0;
        }
    ",
    path: "wit",
    with: { "innkeeper:context/types@0.4.0": crate::bindings::innkeeper::context::types },
    pub_export_macro: true,
    export_macro_name: "export_document",
    default_bindings_module: "innkeeper_sdk::documented",
    runtime_path: "innkeeper_sdk::wit_bindgen::rt",
});
