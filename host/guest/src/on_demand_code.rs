//! A guest's machine code, which is loaded when it is needed.
//!
//! Code that nobody needs for a while can be unloaded. Whoever enters the guest next waits until it is in memory again: all of them for one load, which goes on
//! when who began it waits no longer. After a load that failed there is a pause before the next, so that requests that cannot be served cost little.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::code::Code;
use crate::fault::Fault;

/// The pause after a load that failed; it doubles with each that fails after it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The machine code of a component that is in memory.
pub struct LoadedCode(Arc<Code>);

/// Machine code of the same component, on its way, or why there is none.
pub type Reloading = Pin<Box<dyn Future<Output = Result<LoadedCode, String>> + Send>>;

/// What loads a guest's machine code again.
pub trait Reload: Send + Sync {
    /// Loads the same component again, off the threads that serve.
    fn reload(&self) -> Reloading;
}

/// A guest's machine code, in memory or not.
pub(super) struct OnDemandCode {
    code: ArcSwapOption<Code>,
    /// What loads it again; what has none stays in memory for good.
    reload: OnceLock<Arc<dyn Reload>>,
    /// Held by whoever loads it.
    loading: Mutex<Loading>,
}

#[derive(Default)]
struct Loading {
    under_way: Option<Reloading>,
    failed: Option<Failed>,
}

/// A load that failed.
struct Failed {
    reason: String,
    pause: Duration,
    until: Instant,
}

impl OnDemandCode {
    pub(super) fn of(code: Arc<Code>) -> Self {
        Self {
            code: ArcSwapOption::new(Some(code)),
            reload: OnceLock::new(),
            loading: Mutex::default(),
        }
    }

    /// Lets it be unloaded.
    pub(super) fn load_on_demand(&self, reload: Arc<dyn Reload>) {
        // The first is as good as any: they load the same.
        let _ = self.reload.set(reload);
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.code.load().is_some()
    }

    /// The code, where it is in memory.
    pub(super) fn loaded(&self) -> Option<LoadedCode> {
        self.code.load_full().map(LoadedCode)
    }

    /// Gives its memory back, as soon as nobody runs in it. False when it is not in memory, or could not be loaded again.
    pub(super) fn unload(&self) -> bool {
        self.reload.get().is_some() && self.code.swap(None).is_some()
    }

    /// The code, loaded where it is not in memory.
    pub(super) async fn get(&self, deadline: Instant) -> Result<Arc<Code>, Fault> {
        if let Some(code) = self.code.load_full() {
            return Ok(code);
        }
        let loaded = tokio::time::timeout_at(deadline, self.load()).await;
        loaded.unwrap_or_else(|_| {
            Err(Fault::NotLoaded {
                reason: "it is still being loaded".to_owned(),
                retry_after: FIRST_PAUSE,
            })
        })
    }

    async fn load(&self) -> Result<Arc<Code>, Fault> {
        let mut state = self.loading.lock().await;
        // Somebody may have loaded it while this one waited.
        if let Some(code) = self.code.load_full() {
            return Ok(code);
        }
        let now = Instant::now();
        if let Some(failed) = state.failed.as_ref().filter(|failed| failed.until > now) {
            return Err(failed.fault(now));
        }
        // One that was left to itself by whoever began it is waited for, not begun anew.
        let loading = match (&mut state.under_way, self.reload.get()) {
            (Some(under_way), _) => under_way,
            (under_way @ None, Some(reload)) => under_way.insert(reload.reload()),
            (None, None) => {
                return Err(Fault::NotLoaded {
                    reason: "nothing can load it".to_owned(),
                    retry_after: LONGEST_PAUSE,
                });
            }
        };
        let loaded = loading.await;
        state.under_way = None;
        match loaded {
            Ok(LoadedCode(code)) => {
                self.code.store(Some(code.clone()));
                state.failed = None;
                Ok(code)
            }
            Err(reason) => {
                let now = Instant::now();
                let pause = state
                    .failed
                    .as_ref()
                    .map_or(FIRST_PAUSE, |failed| (failed.pause * 2).min(LONGEST_PAUSE));
                let failed = state.failed.insert(Failed {
                    reason,
                    pause,
                    until: now + pause,
                });
                Err(failed.fault(now))
            }
        }
    }
}

impl Failed {
    fn fault(&self, now: Instant) -> Fault {
        Fault::NotLoaded {
            reason: self.reason.clone(),
            retry_after: self.until.saturating_duration_since(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use wasmtime::component::Component;

    use super::*;
    use crate::{CONTRACT_VERSION, Engine, EngineOptions, Guest};

    /// A guest that says of itself that it can be described: nobody enters it here.
    fn guest() -> Arc<Guest> {
        let engine = Engine::new(EngineOptions {
            instances: 10,
            memory: 1 << 24,
            ..EngineOptions::default()
        })
        .unwrap();
        let text = format!(
            r#"(component
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $describe (export "describe" (func $f)))
            (export "innkeeper:context/describe@{CONTRACT_VERSION}" (instance $describe)))"#
        );
        let component = Component::new(engine.wasmtime(), wat::parse_str(&text).unwrap()).unwrap();
        let code = Code::of_component(engine.runtime(), component).unwrap();
        Arc::new(Guest::of_code(engine.runtime(), Arc::new(code)))
    }

    /// Loads when it is told to, the first times in vain.
    struct Loader {
        loads: Arc<AtomicUsize>,
        failures: usize,
        told: Arc<tokio::sync::Semaphore>,
    }

    impl Reload for Loader {
        fn reload(&self) -> Reloading {
            let load = self.loads.fetch_add(1, Ordering::SeqCst);
            let (fails, told) = (load < self.failures, self.told.clone());
            Box::pin(async move {
                told.acquire().await.unwrap().forget();
                match fails {
                    true => Err("the disk is gone".to_owned()),
                    false => Ok(guest().loaded_code().unwrap()),
                }
            })
        }
    }

    struct Leaving {
        guest: Arc<Guest>,
        loads: Arc<AtomicUsize>,
        told: Arc<tokio::sync::Semaphore>,
    }

    fn leaving(failures: usize) -> Leaving {
        let leaving = Leaving {
            guest: guest(),
            loads: Arc::default(),
            told: Arc::new(tokio::sync::Semaphore::new(0)),
        };
        leaving.guest.load_on_demand(Arc::new(Loader {
            loads: leaving.loads.clone(),
            failures,
            told: leaving.told.clone(),
        }));
        assert!(leaving.guest.unload() && !leaving.guest.is_loaded());
        assert!(!leaving.guest.unload(), "it has left");
        leaving
    }

    fn in_time() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn what_nothing_would_load_again_stays() {
        let guest = guest();
        assert!(!guest.unload() && guest.is_loaded());
        let code = guest.code.get(in_time()).await;
        assert!(code.is_ok());
    }

    #[tokio::test]
    async fn memory_is_given_back_when_nobody_runs_in_it() {
        let Leaving { guest, told, .. } = leaving(0);
        told.add_permits(1);
        let code = guest.code.get(in_time()).await.ok().unwrap();
        let weak = Arc::downgrade(&code);
        assert!(guest.unload());
        assert!(weak.upgrade().is_some(), "somebody runs in it");
        drop(code);
        assert!(weak.upgrade().is_none());
    }

    #[tokio::test]
    async fn all_wait_for_one_load_also_when_who_began_it_does_not_wait_any_more() {
        let Leaving { guest, loads, told } = leaving(0);
        let enter = |deadline| {
            let guest = guest.clone();
            tokio::spawn(async move { guest.code.get(deadline).await.map(drop) })
        };
        let impatient = enter(Instant::now() + Duration::from_millis(5))
            .await
            .unwrap();
        assert!(matches!(impatient, Err(Fault::NotLoaded { .. })));
        let waiting: Vec<_> = (0..20).map(|_| enter(in_time())).collect();
        told.add_permits(1);
        for one in waiting {
            assert!(one.await.unwrap().is_ok());
        }
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_load_that_failed_there_is_a_pause_that_grows() {
        let Leaving { guest, loads, told } = leaving(2);
        told.add_permits(10);
        let mut pauses = Vec::new();
        loop {
            match guest.code.get(in_time()).await.map(drop) {
                Ok(()) => break,
                Err(Fault::NotLoaded {
                    reason,
                    retry_after,
                }) => {
                    assert_eq!(reason, "the disk is gone");
                    let again = guest.code.get(in_time()).await;
                    assert!(again.is_err(), "it is not tried at once");
                    pauses.push(retry_after);
                    tokio::time::sleep(retry_after).await;
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(pauses, [FIRST_PAUSE, FIRST_PAUSE * 2]);
        assert_eq!(loads.load(Ordering::SeqCst), 3);
    }
}
