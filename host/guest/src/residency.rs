//! Whether a guest's machine code is in memory, and how it comes back there.
//!
//! Code that nobody needs for a while can be given back to the system. Whoever enters the guest next waits until it is there again: all of them for one load, which goes on
//! when who began it waits no longer. After a load that failed there is a pause before the next, so that requests that cannot be served cost little.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::fault::Fault;
use crate::load::{Code, Guest};

/// The pause after a load that failed; it doubles with each that fails after it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A guest of the same component, on its way, or why there is none.
pub type Reloading = Pin<Box<dyn Future<Output = Result<Arc<Guest>, String>> + Send>>;

/// What brings a guest's machine code back into memory.
pub trait Reload: Send + Sync {
    /// Loads the same component again, off the threads that serve.
    fn reload(&self) -> Reloading;
}

/// Whether a guest's machine code is in memory.
pub(super) struct Residency {
    code: ArcSwapOption<Code>,
    /// What brings it back; what has none stays for good.
    reload: OnceLock<Arc<dyn Reload>>,
    /// Held by whoever brings it back.
    bringing: Mutex<Bringing>,
}

#[derive(Default)]
struct Bringing {
    under_way: Option<Reloading>,
    failed: Option<Failed>,
}

/// A load that failed.
struct Failed {
    reason: String,
    pause: Duration,
    until: Instant,
}

impl Residency {
    pub(super) fn of(code: Arc<Code>) -> Self {
        Self {
            code: ArcSwapOption::new(Some(code)),
            reload: OnceLock::new(),
            bringing: Mutex::default(),
        }
    }

    /// Makes it one that can leave.
    pub(super) fn bring_back_by(&self, reload: Arc<dyn Reload>) {
        // The first is as good as any: they load the same.
        let _ = self.reload.set(reload);
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.code.load().is_some()
    }

    /// Gives the memory back, as soon as nobody runs in it. False when it is not there, or could not come back.
    pub(super) fn unload(&self) -> bool {
        self.reload.get().is_some() && self.code.swap(None).is_some()
    }

    /// The code, brought back where it is not there.
    pub(super) async fn code(&self, deadline: Instant) -> Result<Arc<Code>, Fault> {
        if let Some(code) = self.code.load_full() {
            return Ok(code);
        }
        let brought = tokio::time::timeout_at(deadline, self.bring_back()).await;
        brought.unwrap_or_else(|_| {
            Err(Fault::NotLoaded {
                reason: "it is still being loaded".to_owned(),
                retry_after: FIRST_PAUSE,
            })
        })
    }

    async fn bring_back(&self) -> Result<Arc<Code>, Fault> {
        let mut bringing = self.bringing.lock().await;
        // Somebody may have brought it while this one waited.
        if let Some(code) = self.code.load_full() {
            return Ok(code);
        }
        let now = Instant::now();
        if let Some(failed) = bringing.failed.as_ref().filter(|failed| failed.until > now) {
            return Err(failed.fault(now));
        }
        let Bringing { under_way, failed } = &mut *bringing;
        // One that was left to itself by whoever began it is waited for, not begun anew.
        let loading = match (under_way, self.reload.get()) {
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
        bringing.under_way = None;
        let code = loaded.and_then(|guest| {
            let code = guest.residency.code.load_full();
            code.ok_or_else(|| "it was unloaded at once".to_owned())
        });
        match code {
            Ok(code) => {
                self.code.store(Some(code.clone()));
                bringing.failed = None;
                Ok(code)
            }
            Err(reason) => {
                let now = Instant::now();
                let pause = bringing.failed.as_ref().map_or(FIRST_PAUSE, |failed| {
                    (failed.pause * 2).min(LONGEST_PAUSE)
                });
                let failed = bringing.failed.insert(Failed {
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
