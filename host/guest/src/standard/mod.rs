//! What the host has of WASI for components that know nothing of Innkeeper: requests in and out by `wasi:http`, and the context's state by `wasi:keyvalue`.

mod config;
mod granted;
mod incoming;
mod keyvalue;

use wasmtime::component::Linker;

use crate::store_data::StoreData;

pub use self::incoming::Incoming;
pub use self::keyvalue::TABLE as KEYVALUE_TABLE;

pub(super) use self::granted::{
    KEYVALUE, OUTGOING_HANDLER, check as check_wasi, is_incoming_handler,
};
pub(super) use self::incoming::handle;

/// Adds what of it every context may import, whether or not its settings grant that.
pub(super) fn add_to_linker(linker: &mut Linker<StoreData>) -> wasmtime::Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    keyvalue::add_to_linker(linker)?;
    config::add_to_linker(linker)
}
