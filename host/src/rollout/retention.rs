//! Which versions are kept: those that serve, those that a rollback may go back to, and the newest of the rest. Of older ones only the history remains.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::RwLockWriteGuard;

use super::active_version::ActiveVersion;
use super::deployer::Deployer;
use super::history::{Entry, History};
use super::version_state::State;
use crate::core::VersionDigest;
use crate::invocation::Context;
use crate::journal::{self, CommitError};

/// Forgets what is old.
pub(super) async fn keep_newest(deployer: &Arc<Deployer>, context: &Arc<Context>) {
    if let Err(error) = forget(deployer, context).await {
        tracing::warn!(context = context.name.as_str(), %error, "could not remove old versions; trying again later");
    }
}

async fn forget(deployer: &Arc<Deployer>, context: &Arc<Context>) -> Result<(), CommitError> {
    // Otherwise one that is just brought again would be entered as stored, and forgotten by a look at the history from before.
    let removing = deployer.components.removing().await;
    let history = History::of(deployer, &context.name)?;
    let active = ActiveVersion::read(&context.ledger)?.unwrap_or_default();
    let keep = context.settings.rollout.keep.get() as usize;
    let serving = context.serving();
    let serve = serving.versions().map(|version| version.digest);
    let needed = serve.chain(deployer.rollouts(context).under_way());
    let old = old(&history.list()?, &active, needed.collect(), keep);
    if old.is_empty() {
        return Ok(());
    }
    deployer
        .rollouts(context)
        .loaded
        .lock()
        .retain(|version| !old.contains(&version.digest) || version.inflight() > 0);
    for digest in old {
        history.forget(digest).await?;
        remove(deployer, digest, &removing).await?;
    }
    Ok(())
}

/// Leaves nothing on disk of a component that was only tried, unless it is a version somewhere.
pub(super) async fn leave_nothing(
    deployer: &Arc<Deployer>,
    context: &Context,
    digest: VersionDigest,
) {
    let removing = deployer.components.removing().await;
    if let Err(error) = remove(deployer, digest, &removing).await {
        tracing::warn!(context = context.name.as_str(), %digest, %error, "could not remove what a dry run left; trying again later");
    }
}

/// The components that are to be there, since versions of a context can be served from them, and are not. Blocks, also for whoever removes some just now.
///
/// # Errors
///
/// When the history cannot be read.
pub fn missing_components(
    deployer: &Deployer,
    runtime: &Handle,
) -> Result<BTreeSet<VersionDigest>, journal::Error> {
    let _entered = runtime.block_on(deployer.components.entering());
    let mut missing = BTreeSet::new();
    for name in deployer.invoker.contexts.all().keys() {
        let entries = History::of(deployer, name)?.list()?.into_iter();
        let stored = entries.filter(|entry| entry.is_stored);
        missing.extend(
            stored
                .map(|entry| entry.digest)
                .filter(|digest| !deployer.components.holds(*digest)),
        );
    }
    Ok(missing)
}

/// Removes the bytes of a component, and what they were compiled to, where no context has a version of them, or is about to.
async fn remove(
    deployer: &Arc<Deployer>,
    digest: VersionDigest,
    _: &RwLockWriteGuard<'_, ()>,
) -> Result<(), CommitError> {
    for (name, context) in deployer.invoker.contexts.all().iter() {
        let entry = History::of(deployer, name)?.find(digest)?;
        let is_stored = entry.is_some_and(|entry| entry.is_stored);
        if is_stored || deployer.rollouts(context).under_way() == Some(digest) {
            return Ok(());
        }
    }
    let (store, artifacts, engine) = (
        deployer.components.clone(),
        deployer.artifacts.clone(),
        deployer.engine.clone(),
    );
    let removed = tokio::task::spawn_blocking(move || {
        artifacts.remove(&engine, &digest.to_string());
        store.remove(digest)
    });
    if let Ok(Err(error)) = removed.await {
        tracing::warn!(%digest, %error, "could not remove an old component");
    }
    Ok(())
}

/// The versions whose bytes nobody needs any more.
fn old(
    entries: &[Entry],
    active: &ActiveVersion,
    mut needed: BTreeSet<VersionDigest>,
    keep: usize,
) -> Vec<VersionDigest> {
    needed.extend(active.digest);
    needed.extend(active.shipped);
    needed.extend(active.before.iter().take(keep));
    let rest = entries
        .iter()
        .filter(|entry| entry.is_stored && !needed.contains(&entry.digest));
    let rest = rest.filter(|entry| !matches!(entry.state, State::Ramping | State::Draining));
    // Nobody can go back to what was refused.
    let is_refused = |entry: &&Entry| entry.state == State::Rejected && !entry.has_served();
    let (refused, mut rest): (Vec<_>, Vec<_>) = rest.partition(is_refused);
    // Who changed last is the newest, whatever its number.
    rest.sort_by_key(|entry| std::cmp::Reverse(entry.history.last().map(|step| step.time)));
    let old = refused.into_iter().chain(rest.into_iter().skip(keep));
    old.map(|entry| entry.digest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::history::Step;

    fn digest(component: &str) -> VersionDigest {
        VersionDigest::of(component.as_bytes())
    }

    fn entry(component: &str, time: u64) -> Entry {
        Entry {
            digest: digest(component),
            number: 1,
            label: None,
            size: 1,
            signer: None,
            state: State::Drained,
            is_stored: true,
            history: vec![Step {
                state: State::Drained,
                time,
                by: String::new(),
                reason: String::new(),
            }],
        }
    }

    #[test]
    fn the_newest_are_kept_and_whatever_is_needed() {
        let entries = [
            entry("a", 1),
            entry("b", 2),
            entry("c", 3),
            entry("d", 4),
            entry("e", 5),
        ];
        let active = ActiveVersion {
            digest: Some(digest("b")),
            before: vec![digest("a")],
            ..ActiveVersion::default()
        };
        assert_eq!(
            old(&entries, &active, BTreeSet::new(), 1),
            [digest("d"), digest("c")]
        );
        assert_eq!(
            old(&entries, &active, BTreeSet::from([digest("c")]), 1),
            [digest("d")]
        );
        assert_eq!(old(&entries, &active, BTreeSet::new(), 3), []);
        let mut refused = entry("f", 6);
        refused.state = State::Rejected;
        refused.history.clear();
        assert_eq!(old(&[refused], &active, BTreeSet::new(), 3), [digest("f")]);
    }
}
