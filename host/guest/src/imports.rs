//! The contract's imports, answered by the invocation's services.

use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker};

use crate::bindings::innkeeper::context::{invocation, outbox, state, types};
use crate::bindings::wasi::config::store;
use crate::bindings::wasi::logging::logging;
use crate::outbound_http;
use crate::output;
use crate::standard;
use crate::store_data::StoreData;

/// Adds everything that every context may import.
pub(super) fn add_to_linker(linker: &mut Linker<StoreData>) -> Result<()> {
    state::add_to_linker::<_, HasSelf<StoreData>>(linker, |frame| frame)?;
    outbox::add_to_linker::<_, HasSelf<StoreData>>(linker, |frame| frame)?;
    invocation::add_to_linker::<_, HasSelf<StoreData>>(linker, |frame| frame)?;
    types::add_to_linker::<_, HasSelf<StoreData>>(linker, |frame| frame)?;
    store::add_to_linker::<_, HasSelf<StoreData>>(linker, |frame| frame)?;
    logging::add_to_linker::<_, HasSelf<StoreData>>(linker, |frame| frame)?;
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    standard::add_to_linker(linker)?;
    outbound_http::add_to_linker(linker)
}

impl types::Host for StoreData {}

impl state::Host for StoreData {
    fn get(&mut self, key: String) -> Result<Option<Vec<u8>>> {
        Ok(self.services().get(&key)?)
    }

    fn put(&mut self, key: String, value: Vec<u8>) -> Result<()> {
        Ok(self.services().put(key, value)?)
    }

    fn add(&mut self, key: String, delta: i64) -> Result<()> {
        Ok(self.services().add(key, delta)?)
    }

    fn delete(&mut self, key: String) -> Result<()> {
        Ok(self.services().delete(key)?)
    }

    async fn scan(
        &mut self,
        start: String,
        end: String,
        limit: u32,
        reverse: bool,
    ) -> Result<Vec<state::Entry>> {
        Ok(self.services().scan(start, end, limit, reverse).await?)
    }

    async fn count(&mut self, start: String, end: String) -> Result<u64> {
        Ok(self.services().count(start, end).await?)
    }

    fn next_sequence(&mut self, name: String) -> Result<u64> {
        Ok(self.services().next_sequence(name)?)
    }
}

impl outbox::Host for StoreData {
    fn emit(&mut self, kind: String, subject: String, data: Vec<u8>) -> Result<String> {
        Ok(self.services().emit(kind, subject, data)?)
    }

    fn emit_after(
        &mut self,
        delay_ms: u64,
        kind: String,
        subject: String,
        data: Vec<u8>,
    ) -> Result<String> {
        Ok(self.services().emit_after(delay_ms, kind, subject, data)?)
    }

    fn cancel(&mut self, id: String) -> Result<bool> {
        Ok(self.services().cancel(id)?)
    }
}

impl invocation::Host for StoreData {
    fn id(&mut self) -> Result<String> {
        Ok(self.services().invocation()?.id)
    }

    fn correlation_id(&mut self) -> Result<String> {
        Ok(self.services().invocation()?.correlation_id)
    }

    fn causation_id(&mut self) -> Result<String> {
        Ok(self.services().invocation()?.causation_id)
    }

    fn attempt(&mut self) -> Result<u32> {
        Ok(self.services().invocation()?.attempt)
    }

    fn now(&mut self) -> Result<u64> {
        Ok(self.services().now()?)
    }

    fn new_id(&mut self) -> Result<String> {
        Ok(self.services().new_id()?)
    }

    fn identity(&mut self) -> Result<Option<invocation::VerifiedIdentity>> {
        Ok(self.services().identity()?)
    }
}

impl store::Host for StoreData {
    fn get(&mut self, key: String) -> Result<Result<Option<String>, store::Error>> {
        Ok(Ok(self.services().config()?.get(&key).cloned()))
    }

    fn get_all(&mut self) -> Result<Result<Vec<(String, String)>, store::Error>> {
        let config = self.services().config()?;
        Ok(Ok(config
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()))
    }
}

impl logging::Host for StoreData {
    fn log(&mut self, level: logging::Level, context: String, message: String) -> Result<()> {
        output::log(self.services(), level, &context, &message);
        Ok(())
    }
}
