//! `wasi:config` as its draft had it, which components for wasmCloud import: the functions of the release candidate under the version before.

use wasmtime::component::Linker;

use crate::bindings::wasi::config::store::Host;
use crate::store_data::StoreData;

const DRAFT: &str = "wasi:config/store@0.2.0-draft";

/// Adds what a guest reads of its configuration.
pub(super) fn add_to_linker(linker: &mut Linker<StoreData>) -> wasmtime::Result<()> {
    let mut store = linker.instance(DRAFT)?;
    store.func_wrap("get", |mut context, (key,): (String,)| {
        Ok((context.data_mut().get(key)?,))
    })?;
    store.func_wrap("get-all", |mut context, (): ()| {
        Ok((context.data_mut().get_all()?,))
    })
}
