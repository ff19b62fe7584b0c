//! Which versions are kept: those that serve, those that a rollback may go back to, and the newest of the rest. Of older ones only the history remains.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::register::{Entry, Register, State};
use super::standing::Standing;
use crate::app::{Context, Host};
use crate::journal::CommitError;

/// Forgets what is old.
pub(super) async fn keep_newest(host: &Arc<Host>, context: &Arc<Context>) {
    if let Err(error) = forget(host, context).await {
        tracing::warn!(context = context.name, %error, "old versions cannot be removed yet");
    }
}

async fn forget(host: &Arc<Host>, context: &Arc<Context>) -> Result<(), CommitError> {
    let register = Register::of(host, &context.name)?;
    let standing = Standing::read(&context.ledger)?.unwrap_or_default();
    let keep = context.settings.rollout.keep.get() as usize;
    let serving = context.serving();
    let serve = serving.versions().map(|version| version.digest.clone());
    let needed = serve.chain(context.rollouts.under_way());
    let old = old(&register.list()?, &standing, needed.collect(), keep);
    if old.is_empty() {
        return Ok(());
    }
    context
        .rollouts
        .loaded
        .lock()
        .retain(|version| !old.contains(&version.digest) || version.staying() > 0);
    for digest in old {
        register.forget(&digest).await?;
        if is_used_elsewhere(host, context, &digest)? {
            continue;
        }
        let (store, artifacts, engine) = (
            host.components.clone(),
            host.artifacts.clone(),
            host.engine.clone(),
        );
        let name = digest.clone();
        let removed = tokio::task::spawn_blocking(move || {
            artifacts.remove(&engine, &name);
            store.remove(&name)
        });
        if let Ok(Err(error)) = removed.await {
            tracing::warn!(digest, %error, "an old component cannot be removed");
        }
    }
    Ok(())
}

/// The versions whose bytes nobody needs any more.
fn old(
    entries: &[Entry],
    standing: &Standing,
    mut needed: BTreeSet<String>,
    keep: usize,
) -> Vec<String> {
    needed.insert(standing.digest.clone());
    needed.extend(standing.shipped.clone());
    needed.extend(standing.before.iter().take(keep).cloned());
    let rest = entries
        .iter()
        .filter(|entry| entry.is_stored && !needed.contains(&entry.digest));
    let rest = rest.filter(|entry| !matches!(entry.state, State::Ramping | State::Draining));
    let mut rest: Vec<_> = rest.collect();
    // Who changed last is the newest, whatever its number.
    rest.sort_by_key(|entry| std::cmp::Reverse(entry.history.last().map(|step| step.time)));
    let rest = rest.into_iter().skip(keep);
    rest.map(|entry| entry.digest.clone()).collect()
}

/// Whether another context has a version of the same bytes.
fn is_used_elsewhere(host: &Host, context: &Context, digest: &str) -> Result<bool, CommitError> {
    for name in host.contexts.keys().filter(|name| **name != context.name) {
        let entry = Register::of(host, name)?.find(digest)?;
        if entry.is_some_and(|entry| entry.is_stored) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::register::Step;

    fn entry(digest: &str, time: u64) -> Entry {
        Entry {
            digest: digest.into(),
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
        let standing = Standing {
            digest: "b".into(),
            before: vec!["a".into()],
            ..Standing::default()
        };
        assert_eq!(old(&entries, &standing, BTreeSet::new(), 1), ["d", "c"]);
        assert_eq!(
            old(&entries, &standing, BTreeSet::from(["c".into()]), 1),
            ["d"]
        );
        assert_eq!(old(&entries, &standing, BTreeSet::new(), 3), [""; 0]);
    }
}
