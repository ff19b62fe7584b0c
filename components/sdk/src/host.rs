//! The host's side: the imports in wasm, [`testing`](crate::testing) elsewhere.

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::bindings::{
    innkeeper::context::{invocation, outbox, state},
    wasi::config::store,
    wasi::logging::logging,
};

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::host::{invocation, logging, outbox, state, store};
