//! The execution of a guest: a fresh instance, its limits armed, an export run to its end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::time::Instant;
use wasmtime::component::{Instance, Val};
use wasmtime::{Store, UpdateDeadline};

use crate::bindings::exports::innkeeper::context::policies::PolicyError;
use crate::bindings::innkeeper::context::types::{Event, Response};
use crate::code::Code;
use crate::deadline;
use crate::fault::Fault;
use crate::guest::Guest;
use crate::instance_places::InstanceShare;
use crate::scheduler::Share;
use crate::services::{Services, StateEntry};
use crate::standard::{self, Incoming};
use crate::store_data::StoreData;

/// One entry into a guest.
pub struct Execution<S> {
    /// What answers the guest's imports; comes back in [`Ended`].
    pub services: Box<S>,
    /// The most memory that the instance may have, in bytes.
    pub memory: usize,
    /// The most that it may hand to the host at once, in bytes as they take memory: what it asks with, and what it answers.
    pub transfer: usize,
    /// When it must have ended, and the wait for a free instance with it.
    pub deadline: Instant,
    /// How deep the call is that it answers, from 0: deeper ones find an instance when the others must wait.
    pub depth: u32,
    /// In whose name it computes; without one, in the host's.
    pub share: Option<Arc<Share>>,
    /// In whose name it takes an instance; without one, in the host's.
    pub instances: Option<Arc<InstanceShare>>,
}

/// A finished execution.
pub struct Ended<T, S> {
    /// The services, with all that the guest staged.
    pub services: Box<S>,
    /// What the guest answered.
    pub result: Result<T, Fault>,
}

pub(super) type Run<'a, T> = Pin<Box<dyn Future<Output = wasmtime::Result<T>> + Send + 'a>>;

impl Guest {
    /// Runs `web.handle`; for a standard component, `wasi:http/incoming-handler.handle`.
    pub async fn web<S: Services>(
        &self,
        execution: Execution<S>,
        incoming: Incoming,
    ) -> Ended<Response, S> {
        if self.exports.standard {
            return self
                .enter(execution, move |store, instance, code| {
                    Box::pin(async move {
                        let indices = exported(&code.incoming)?;
                        standard::handle(store, instance, indices, incoming).await
                    })
                })
                .await;
        }
        let request = incoming.request;
        if !self.exports.web {
            return not_exported(execution, "innkeeper:context/web");
        }
        self.enter(execution, move |store, instance, code| {
            Box::pin(async move {
                let guest = exported(&code.web)?.load(&mut *store, instance)?;
                guest.call_handle(store, &request).await
            })
        })
        .await
    }

    /// Runs `policies.on-event`.
    pub async fn on_event<S: Services>(
        &self,
        execution: Execution<S>,
        event: Event,
    ) -> Ended<Result<(), PolicyError>, S> {
        if !self.exports.policies {
            return not_exported(execution, "innkeeper:context/policies");
        }
        self.enter(execution, move |store, instance, code| {
            Box::pin(async move {
                let guest = exported(&code.policies)?.load(&mut *store, instance)?;
                guest.call_on_event(store, &event).await
            })
        })
        .await
    }

    /// Runs a function that the guest offers, named `<interface>#<function>`.
    pub async fn call<S: Services>(
        &self,
        execution: Execution<S>,
        operation: &str,
        parameters: Vec<Val>,
    ) -> Ended<Val, S> {
        if !self.exports.offers_operation(operation) {
            return not_exported(execution, operation);
        }
        let operation = operation.to_owned();
        self.enter(execution, move |store, instance, code| {
            Box::pin(async move {
                let index = code.functions.get(&operation).copied();
                let function = index.and_then(|index| instance.get_func(&mut *store, index));
                let function = function.ok_or_else(|| {
                    wasmtime::format_err!("the function is gone from the instance")
                })?;
                let mut results = [Val::Bool(false)];
                function
                    .call_async(store, &parameters, &mut results)
                    .await?;
                let [result] = results;
                Ok(result)
            })
        })
        .await
    }

    /// Runs `health.ready`; a guest without it is ready.
    pub async fn ready<S: Services>(
        &self,
        execution: Execution<S>,
    ) -> Ended<Result<(), String>, S> {
        if !self.exports.health {
            return Ended {
                services: execution.services,
                result: Ok(Ok(())),
            };
        }
        self.enter(execution, move |store, instance, code| {
            Box::pin(async move {
                let guest = exported(&code.health)?.load(&mut *store, instance)?;
                guest.call_ready(store).await
            })
        })
        .await
    }

    /// Runs `health.live`; a guest without it is alive.
    pub async fn live<S: Services>(&self, execution: Execution<S>) -> Ended<Result<(), String>, S> {
        if !self.exports.health {
            return Ended {
                services: execution.services,
                result: Ok(Ok(())),
            };
        }
        self.enter(execution, move |store, instance, code| {
            Box::pin(async move {
                let guest = exported(&code.health)?.load(&mut *store, instance)?;
                guest.call_live(store).await
            })
        })
        .await
    }

    /// Runs `migration.migrate`.
    pub async fn migrate<S: Services>(
        &self,
        execution: Execution<S>,
        from: u32,
        entries: Vec<StateEntry>,
    ) -> Ended<Result<Vec<Vec<StateEntry>>, String>, S> {
        if !self.exports.migration {
            return not_exported(execution, "innkeeper:context/migration");
        }
        self.enter(execution, move |store, instance, code| {
            Box::pin(async move {
                let guest = exported(&code.migration)?.load(&mut *store, instance)?;
                guest.call_migrate(store, from, &entries).await
            })
        })
        .await
    }

    /// In a box: whoever awaits it, and whoever awaits that, would otherwise hold all of it, and a future is moved whole wherever it is awaited.
    pub(super) fn enter<'a, S, T, F>(
        &'a self,
        execution: Execution<S>,
        run: F,
    ) -> Pin<Box<dyn Future<Output = Ended<T, S>> + Send + 'a>>
    where
        S: Services,
        F: for<'b> FnOnce(&'b mut Store<StoreData>, &'b Instance, &'b Code) -> Run<'b, T>
            + Send
            + 'a,
        T: Send + 'a,
    {
        Box::pin(self.execute(execution, run))
    }

    async fn execute<S, T, F>(&self, execution: Execution<S>, run: F) -> Ended<T, S>
    where
        S: Services,
        F: for<'a> FnOnce(&'a mut Store<StoreData>, &'a Instance, &'a Code) -> Run<'a, T> + Send,
        T: Send,
    {
        let Execution {
            services,
            memory,
            transfer,
            deadline,
            depth,
            share,
            instances,
        } = execution;
        let share = share.as_ref().unwrap_or(self.runtime.host_share());
        let began = Instant::now();
        let instances = instances.as_ref().unwrap_or(self.runtime.host_instances());
        let Some(_place) = instances.take(depth, deadline).await else {
            let message = format!(
                "all instances of the host were busy for {} ms",
                began.elapsed().as_millis()
            );
            return Ended {
                services,
                result: Err(Fault::NoInstance(message)),
            };
        };
        // Without a load it is there at once; and who runs in it keeps it.
        let code = match self.code.get(deadline).await {
            Ok(code) => code,
            Err(fault) => {
                return Ended {
                    services,
                    result: Err(fault),
                };
            }
        };
        let mut store = Store::new(self.runtime.wasmtime(), StoreData::new(services, memory));
        store.limiter_async(|frame| frame);
        store.set_hostcall_fuel(transfer);
        // At every tick of the engine's clock a computing guest asks for a processor anew; that is also when its deadline can end it.
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
        let outcome = {
            let mut computing = std::pin::pin!(async {
                // The first slice begins here, not when the processor was asked for.
                store.set_epoch_deadline(1);
                store.data_mut().services().begin();
                let instance = code.pre.instantiate_async(&mut store).await?;
                run(&mut store, &instance, &code).await
            });
            deadline::enforce(deadline, began, share.run(computing.as_mut())).await
        };
        let result = outcome.and_then(|ended| {
            ended.map_err(|error| {
                Fault::from_wasmtime(error, store.data().denied_memory(), transfer)
            })
        });
        Ended {
            services: store.into_data().into_services(),
            result,
        }
    }
}

/// What is looked for only where the exports say that it is there.
pub(super) fn exported<T>(indices: &Option<T>) -> wasmtime::Result<&T> {
    let indices = indices.as_ref();
    indices.ok_or_else(|| wasmtime::format_err!("the export is gone from the component"))
}

fn not_exported<T, S>(execution: Execution<S>, name: &str) -> Ended<T, S> {
    Ended {
        services: execution.services,
        result: Err(Fault::NotExported(name.to_owned())),
    }
}
