//! The contract of `wit/innkeeper`, as Rust.

#![allow(missing_docs, clippy::all)]

wasmtime::component::bindgen!({
    path: "../../wit/innkeeper",
    world: "evolving",
    imports: { default: trappable },
    exports: { default: async },
});
