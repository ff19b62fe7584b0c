//! What each context may keep where the manifest does not say: its part of the volume, and of the memory that the journals take. All of them together fit there, so none
//! meets a full disk for what another has kept. One that is added while the host runs has its part at once; the others keep theirs until the next start.

use std::collections::BTreeSet;

use crate::core::{Volume, memory};
use crate::manifest::{ContextSettings, Engine, Manifest};

/// A journal on disk takes up to so many times what it holds: pages that were replaced are cleared away in time.
const ON_DISK: u64 = 2;
/// What a journal in memory may take of it, a part of so many: the rest is for invocations and everything else.
const IN_MEMORY: u64 = 4;
/// About how much memory the engine's index takes for each commit, in bytes.
const INDEX: u64 = 100;
/// What is left of the memory for indexes, a part of so many.
const FOR_INDEXES: u64 = 2;

/// The least and the most that a context gets, in bytes and in commits.
const FEWEST_BYTES: u64 = 16 << 20;
const MOST_BYTES: u64 = 32 << 30;
const FEWEST_COMMITS: u32 = 1_000_000;
const MOST_COMMITS: u32 = 100_000_000;

/// Gives each context what the manifest does not. Asks the system.
pub(super) fn divide(manifest: &mut Manifest) {
    let journal = &manifest.journal;
    let volume = Volume::of(&journal.directory).ok();
    let on_disk = volume.map_or(u64::MAX, |volume| {
        let limit = journal.disk_free_limit(volume.size);
        volume.size.saturating_sub(limit) / ON_DISK
    });
    let memory = memory::of_the_machine();
    divide_between(manifest, on_disk, memory);
}

fn divide_between(manifest: &mut Manifest, on_disk: u64, memory: u64) {
    let engine = manifest.journal.engine;
    // What is taken in from outside, and what the host keeps for itself, is where most journals are.
    let sources = manifest.subscriptions().into_iter().map(|one| one.source);
    let others = 1 + sources.collect::<BTreeSet<_>>().len() as u64;
    for (kind, bytes) in [
        (Engine::Sled, on_disk),
        (Engine::Memory, memory / IN_MEMORY),
    ] {
        let mut contexts: Vec<&mut ContextSettings> = manifest.contexts.values_mut().collect();
        contexts.retain(|settings| settings.journal.unwrap_or(engine) == kind);
        let named = contexts.iter().filter_map(|settings| settings.quota.bytes);
        let (taken, named) = named.fold((0_u64, 0), |(taken, named), bytes| {
            (taken.saturating_add(bytes), named + 1)
        });
        let sharers = contexts.len() as u64 + if engine == kind { others } else { 0 };
        let share = bytes.saturating_sub(taken) / (sharers - named).max(1);
        let commits = memory / FOR_INDEXES / INDEX / sharers.max(1);
        let commits = u32::try_from(commits).unwrap_or(u32::MAX);
        for quota in contexts.iter_mut().map(|settings| &mut settings.quota) {
            quota
                .bytes
                .get_or_insert(share.clamp(FEWEST_BYTES, MOST_BYTES));
            quota
                .commits
                .get_or_insert(commits.clamp(FEWEST_COMMITS, MOST_COMMITS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn app(contexts: usize) -> Manifest {
        let names = (0..contexts).map(|number| {
            (
                format!("c{number}").parse().unwrap(),
                ContextSettings::default(),
            )
        });
        Manifest {
            contexts: names.collect(),
            ..Manifest::default()
        }
    }

    fn bytes(manifest: &Manifest) -> Vec<u64> {
        let contexts = manifest.contexts.values();
        contexts
            .map(|settings| settings.quota.bytes.unwrap())
            .collect()
    }

    #[test]
    fn what_all_may_keep_fits() {
        let mut manifest = app(4);
        divide_between(&mut manifest, 5 * GIB, GIB);
        assert_eq!(
            bytes(&manifest),
            [GIB; 4],
            "and as much is left for the host"
        );
        let mut manifest = app(4);
        let named = manifest.contexts.get_mut("c2").unwrap();
        named.quota.bytes = Some(3 * GIB);
        named.journal = Some(Engine::Sled);
        divide_between(&mut manifest, 7 * GIB, GIB);
        assert_eq!(bytes(&manifest), [GIB, GIB, 3 * GIB, GIB]);
    }

    #[test]
    fn what_is_in_memory_is_bounded_by_that() {
        let mut manifest = app(3);
        manifest.contexts.get_mut("c0").unwrap().journal = Some(Engine::Memory);
        divide_between(&mut manifest, 3 * GIB, 2 * GIB);
        assert_eq!(bytes(&manifest), [GIB / 2, GIB, GIB]);
    }

    #[test]
    fn nobody_has_too_little_to_begin_with_nor_far_too_much() {
        let mut manifest = app(1);
        divide_between(&mut manifest, 0, 0);
        assert_eq!(bytes(&manifest), [FEWEST_BYTES]);
        let commits = |manifest: &Manifest| manifest.contexts["c0"].quota.commits;
        assert_eq!(commits(&manifest), Some(FEWEST_COMMITS));
        let mut manifest = app(1);
        divide_between(&mut manifest, u64::MAX, u64::MAX);
        assert_eq!(bytes(&manifest), [MOST_BYTES]);
        assert_eq!(commits(&manifest), Some(MOST_COMMITS));
        let mut manifest = app(1);
        divide_between(&mut manifest, GIB, 4_000_000_000);
        assert_eq!(commits(&manifest), Some(10_000_000));
        manifest.contexts.get_mut("c0").unwrap().quota.commits = Some(7);
        divide_between(&mut manifest, GIB, 4_000_000_000);
        assert_eq!(commits(&manifest), Some(7));
    }
}
