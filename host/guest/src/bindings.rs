//! The contract of `wit/innkeeper`, as Rust.

#![allow(missing_docs, clippy::all)]

wasmtime::component::bindgen!({
    path: "../../wit/innkeeper",
    world: "complete",
    imports: {
        // They may take long: the host looks at as many keys as the range has.
        "innkeeper:context/state.scan": async | trappable,
        "innkeeper:context/state.count": async | trappable,
        default: trappable,
    },
    exports: { default: async },
});
