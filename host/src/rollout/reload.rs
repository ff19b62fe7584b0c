//! Versions that leave memory while they are idle: their machine code is loaded again from the cache when they are entered.
//!
//! What is loaded is checked as at a start: by its checksum, and where it is not there or not sound it is compiled again from the component.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use serde_json::json;

use super::compile::CompilePriority;
use super::deployer::Deployer;
use super::gates::{self, Load, NotPassed};
use crate::core::VersionDigest;
use crate::guest::{Guest, LoadedCode, Reload, Reloading};
use crate::invocation::{Context, HostEventKind};
use crate::observe::metrics::{LOAD_DURATION, LOADS};
use crate::versions::Version;

/// Lets a version leave memory, where its context says so.
pub(super) fn let_leave(deployer: &Arc<Deployer>, context: &Arc<Context>, version: &Version) {
    if context.settings.scales_to_zero() {
        version.guest.load_on_demand(Arc::new(Reloader {
            deployer: Arc::downgrade(deployer),
            context: Arc::downgrade(context),
            digest: version.digest,
            title: version.title.clone(),
        }));
    }
}

/// Loads one version again. The deployer and the context keep the versions, so they do not keep these.
struct Reloader {
    deployer: Weak<Deployer>,
    context: Weak<Context>,
    digest: VersionDigest,
    title: Arc<str>,
}

impl Reload for Reloader {
    fn reload(&self) -> Reloading {
        const STOPPING: &str = "the host is stopping";
        let (Some(deployer), Some(context)) = (self.deployer.upgrade(), self.context.upgrade())
        else {
            return Box::pin(async { Err(STOPPING.to_owned()) });
        };
        let tasks = deployer.tasks.clone();
        let title = self.title.clone();
        // Whoever began it may not wait for as long.
        let loading = tasks.spawn(load(deployer, context, self.digest, title));
        Box::pin(async move {
            loading
                .await
                .unwrap_or_else(|_| Err("the host panicked while it loaded; see its log".into()))
        })
    }
}

async fn load(
    deployer: Arc<Deployer>,
    context: Arc<Context>,
    digest: VersionDigest,
    title: Arc<str>,
) -> Result<LoadedCode, String> {
    let began = Instant::now();
    let loaded = tokio::select! {
        loaded = load_or_compile(&deployer, &context, digest) => loaded,
        () = deployer.shutdown.cancelled() => Err(NotPassed::Failed("the host is stopping".into())),
    };
    let loaded = loaded.and_then(|(guest, compiled_in)| match guest.loaded_code() {
        Some(code) => Ok((code, compiled_in)),
        None => Err(NotPassed::Failed("it was unloaded at once".into())),
    });
    let took = began.elapsed();
    let outcome = if loaded.is_ok() { "loaded" } else { "failed" };
    metrics::counter!(LOADS, "context" => &context.name, "outcome" => outcome).increment(1);
    let rollouts = deployer.rollouts(&context);
    let events = &deployer.invoker.host_events;
    match loaded {
        Ok((code, compiled_in)) => {
            metrics::histogram!(LOAD_DURATION, "context" => &context.name).record(took);
            let reason = match compiled_in.is_zero() {
                true => "work came for it",
                false => "work came for it; its compiled form was gone, so it was compiled again",
            };
            let data = json!({
                "version": &*title,
                "microseconds": u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                "reason": reason,
            });
            events.record(HostEventKind::Loaded, &context.name, data);
            *rollouts.load_failure.lock() = None;
            Ok(code)
        }
        Err(not_passed) => {
            let reason = match not_passed {
                NotPassed::Refused(refusal) => refusal.to_string(),
                NotPassed::Failed(reason) => reason,
            };
            tracing::error!(context = context.name.as_str(), version = %title, reason, "an idle version could not be loaded again; it is tried again when work comes for it");
            let data = json!({ "version": &*title, "reason": reason });
            events.record(HostEventKind::LoadFailed, &context.name, data);
            *rollouts.load_failure.lock() = Some(reason.clone());
            Err(reason)
        }
    }
}

/// What was compiled of a version, or is compiled now from its component, as long as that is whole.
async fn load_or_compile(
    deployer: &Arc<Deployer>,
    context: &Context,
    digest: VersionDigest,
) -> Result<(Arc<Guest>, Duration), NotPassed> {
    let load = async |file| {
        let (priority, how) = (CompilePriority::Foreground, Load::OrShared);
        gates::compiled(deployer, context, digest, file, priority, how).await
    };
    let refused = match load(None).await {
        Ok(loaded) => return Ok(loaded),
        Err(refused) => refused,
    };
    let components = deployer.components.clone();
    let read = tokio::task::spawn_blocking(move || components.get(digest)).await;
    match read {
        Ok(Ok(_)) => {
            let file = deployer.components.path(digest);
            load(Some(&file)).await
        }
        _ => Err(refused),
    }
}
