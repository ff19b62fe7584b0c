//! Moving the state: another generation of it is filled for a version while the former one serves, and then both take over in one commit.
//!
//! A migration copies: entries are given to the version in steps, and those that changed meanwhile once more. For the last of them the context stands still for a
//! moment: nobody follows, and whoever wants to write waits for the locks. What was begun before and commits all the same makes the exchange a conflict, and
//! it is tried again.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use super::dead_letters::{DeadLetters, carry_over};
use super::key_provenance::KeyProvenance;
use super::steps::{STEP, commit_in_steps, read_step};
use crate::core::counted;
use crate::events::following;
use crate::guest::StateEntry;
use crate::invocation::key_locks::LockSet;
use crate::invocation::{Context, state_key};
use crate::journal::{self, Capture, CommitError, KeyRange, ReadSet, Space, Write};
use crate::rollout::deployer::Deployer;
use crate::rollout::history::Because;
use crate::rollout::pipeline::EarlyEnd;
use crate::rollout::progress::Rollout;
use crate::rollout::refusal::{Gate, Refusal};
use crate::rollout::schema::Move;
use crate::rollout::swap::{self, Exchange, SwapError, Swapped};
use crate::rollout::version_state::State;
use crate::rollout::{describe, rebuild, startup_probe};
use crate::versions::Version;

/// So few changes are migrated while the context stands still.
const FEW: usize = 64;
/// How often the changes are caught up with before the context stands still for however many there are.
const ROUNDS: usize = 50;
/// How often the exchange is tried.
const TRIES: usize = 20;

/// Moves the state as a version needs it, and has both take over.
pub(in crate::rollout) async fn move_and_swap(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    rollout: &Rollout,
    version: &Arc<Version>,
    state: Move,
) -> Result<Swapped, EarlyEnd> {
    let began = Instant::now();
    let swapped = match state {
        Move::Rebuild => {
            let refilled = rebuild::refill(deployer, context, version, &rollout.aborted).await;
            let swapped = refilled.map_err(EarlyEnd::Aborted)?;
            rollout.passed(
                Gate::Migration,
                "the state was rebuilt from the events",
                began.elapsed(),
            );
            swapped
        }
        Move::Migrate { from } => {
            let migrated = Migration::run(deployer, context, rollout, version, from).await;
            let (swapped, entries) = migrated?;
            rollout.passed(
                Gate::Migration,
                format!("{} migrated from schema {from}", counted(entries, "entry")),
                began.elapsed(),
            );
            swapped
        }
    };
    let because = Because::of_rollout(rollout, "rolled out with its state");
    swap::settle(
        deployer,
        context,
        version,
        &swapped,
        State::Drained,
        &because,
    )
    .await;
    Ok(swapped)
}

impl From<CommitError> for EarlyEnd {
    fn from(error: CommitError) -> Self {
        Self::Aborted(error.to_string())
    }
}

impl From<journal::Error> for EarlyEnd {
    fn from(error: journal::Error) -> Self {
        Self::Aborted(error.to_string())
    }
}

struct Migration<'a> {
    deployer: &'a Arc<Deployer>,
    context: &'a Arc<Context>,
    rollout: &'a Rollout,
    version: &'a Arc<Version>,
    from: u32,
    /// The version that serves meanwhile.
    before: Option<Arc<Version>>,
    former: u32,
    new: u32,
    /// What changes in the former generation.
    capture: Arc<Capture>,
    letters: DeadLetters,
    origins: KeyProvenance,
}

impl<'a> Migration<'a> {
    /// Migrates, and has the version take over; answers how many entries there were at first.
    async fn run(
        deployer: &'a Arc<Deployer>,
        context: &'a Arc<Context>,
        rollout: &'a Rollout,
        version: &'a Arc<Version>,
        from: u32,
    ) -> Result<(Swapped, u64), EarlyEnd> {
        let filling = rebuild::Filling::begin(deployer, context).await;
        let filling = filling.map_err(EarlyEnd::Aborted)?;
        let (former, new) = (filling.former(), filling.generation());
        let mut migration = Self {
            deployer,
            context,
            rollout,
            version,
            from,
            before: context.version(),
            former,
            new,
            capture: context.ledger.capture(Space::State(former)),
            letters: DeadLetters::begin(&context.ledger, former, new),
            origins: KeyProvenance::default(),
        };
        let entries = migration.copy().await?;
        migration.letters.copy().await?;
        migration.catch_up().await?;
        startup_probe::ready(deployer, context, version, new).await?;
        let swapped = migration.exchange().await?;
        filling.serves();
        Ok((swapped, entries))
    }

    /// Migrates all there is, in steps.
    async fn copy(&mut self) -> Result<u64, EarlyEnd> {
        // What was given its place before the capture began is visible then.
        self.context.ledger.barrier().await?;
        let mut count = 0;
        let mut range = KeyRange::all();
        loop {
            self.resume()?;
            let space = Space::State(self.former);
            let entries = read_step(&self.context.ledger, space, &range).await?;
            let Some((last, _)) = entries.last() else {
                return Ok(count);
            };
            range.start_after(last);
            count += entries.len() as u64;
            self.migrate(entries).await?;
        }
    }

    /// Migrates what has changed meanwhile, until that is little.
    async fn catch_up(&mut self) -> Result<(), EarlyEnd> {
        for _ in 0..ROUNDS {
            self.resume()?;
            if self.again().await? <= FEW {
                break;
            }
        }
        Ok(())
    }

    /// Migrates what has changed since it was last asked for; answers how much that was.
    async fn again(&mut self) -> Result<usize, EarlyEnd> {
        let letters = self.letters.catch_up().await?;
        // What has been captured is visible after the barrier.
        let keys = self.origins.round(self.capture.take());
        self.context.ledger.barrier().await?;
        // First all that was there is removed: what comes of one key by now may have come of another before.
        for keys in keys.chunks(STEP.entries) {
            let gone = keys.iter().flat_map(|key| self.origins.forget(key));
            let removals = gone.map(|key| Write {
                space: Space::State(self.new),
                key,
                value: None,
            });
            let removals = removals.collect();
            self.commit(removals).await?;
        }
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for key in &keys {
            let value = self.context.ledger.get(Space::State(self.former), key)?;
            let Some(value) = value else { continue };
            bytes += key.len() + value.len();
            entries.push((key.clone(), value));
            if entries.len() == STEP.entries || bytes >= STEP.bytes {
                self.migrate(mem::take(&mut entries)).await?;
                bytes = 0;
            }
        }
        self.migrate(entries).await?;
        Ok(letters + keys.len())
    }

    /// Writes what becomes of some entries.
    async fn migrate(&mut self, entries: Vec<journal::Entry>) -> Result<(), EarlyEnd> {
        if entries.is_empty() {
            return Ok(());
        }
        let results = self.ask(&entries).await?;
        for ((old, _), result) in entries.iter().zip(&results) {
            for entry in result {
                self.check(old, entry)?;
            }
        }
        let tables = &self.version.description.tables;
        if let Some(odd) = results
            .iter()
            .flatten()
            .find(|entry| !tables.hold(&entry.key))
        {
            return Err(refused(format!(
                "`migrate` results in the key {:?}, and no table that the version describes has it; leave the entry out, or describe the table",
                odd.key
            )));
        }
        let mut writes = Vec::new();
        let mut written = BTreeSet::new();
        for ((old, _), results) in entries.into_iter().zip(results) {
            let keys: Vec<_> = results.iter().map(|entry| entry.key.as_bytes()).collect();
            let is_there = |key: &[u8]| -> Result<bool, journal::Error> {
                let space = Space::State(self.new);
                Ok(written.contains(key) || self.context.ledger.get(space, key)?.is_some())
            };
            if let Err(clash) = self.origins.note(&old, &keys, is_there)? {
                // When neither has changed since it was read, both are there now. Otherwise one may have taken the place of the other.
                if !self.capture.holds(&old) && !self.capture.holds(&clash.former) {
                    return Err(refused(clash.to_string()));
                }
                self.origins.hold_back(old);
                continue;
            }
            for entry in results {
                let key = entry.key.into_bytes();
                written.insert(key.clone());
                writes.push(Write {
                    space: Space::State(self.new),
                    key,
                    value: Some(entry.value),
                });
            }
        }
        Ok(self.commit(writes).await?)
    }

    /// What the version makes of some entries, for each of them.
    async fn ask(&self, entries: &[journal::Entry]) -> Result<Vec<Vec<StateEntry>>, EarlyEnd> {
        let limits = &self.context.settings.limits;
        let memory = usize::try_from(limits.memory).unwrap_or(usize::MAX);
        let given = entries.iter().map(|(key, value)| StateEntry {
            key: String::from_utf8_lossy(key).into_owned(),
            value: value.clone(),
        });
        let guest = &self.version.guest;
        let migrated =
            describe::migrate(guest, memory, limits.deadline, self.from, given.collect());
        let results = migrated
            .await
            .map_err(|fault| refused(format!("`migrate` failed: {fault}")))?
            .map_err(|said| refused(format!("`migrate` says: {said}")))?;
        match results.len() == entries.len() {
            true => Ok(results),
            false => Err(refused(format!(
                "`migrate` was given {} entries, but returned {}",
                entries.len(),
                results.len()
            ))),
        }
    }

    /// The exchange waits for the disk, and so for all this.
    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        commit_in_steps(&self.context.ledger, "migration", writes).await
    }

    /// Has the context stand still, and then exchanges state and version.
    async fn exchange(&mut self) -> Result<Swapped, EarlyEnd> {
        let still = following::quiesce(&self.deployer.events, self.context).await;
        let locks = self.context.key_locks.take(LockSet::ALL).await;
        let exchanged = self.exchange_still().await;
        drop(locks);
        still.resume().await;
        exchanged
    }

    /// Migrates the last changes, and exchanges, until nothing has changed in between.
    async fn exchange_still(&mut self) -> Result<Swapped, EarlyEnd> {
        for _ in 0..TRIES {
            let ledger = &self.context.ledger;
            let began = ledger.applied();
            self.again().await?;
            if !self.origins.is_complete() {
                // Something has changed since: what it clashed with may be gone by now.
                continue;
            }
            let mut reads = ReadSet::default();
            reads.note_range(Space::State(self.former), &KeyRange::all());
            let additions = carry_over(ledger, self.former, self.new, &mut reads)?;
            let exchange = Exchange {
                generation: self.new,
                began,
                reads,
                additions,
            };
            let before = self.before.as_ref();
            match swap::exchange(self.deployer, self.context, self.version, before, exchange).await
            {
                Err(SwapError::Journal(CommitError::Conflict { .. } | CommitError::Busy)) => {}
                result => return Ok(result?),
            }
        }
        Err(EarlyEnd::Aborted(
            "its state kept changing when it was about to take over; try again under less load"
                .into(),
        ))
    }

    /// Refuses an entry that the version could not have put: it could not be changed any more.
    fn check(&self, old: &[u8], entry: &StateEntry) -> Result<(), EarlyEnd> {
        let told = |reason: String| {
            let old = old.escape_ascii();
            refused(format!(
                "`migrate` turned {old} into an entry that `put` would refuse: {reason}"
            ))
        };
        state_key::check(&entry.key).map_err(|error| told(error.to_string()))?;
        let limit = self.context.settings.limits.staged;
        let size = (entry.key.len() + entry.value.len()) as u64;
        match size > limit {
            true => Err(told(format!(
                "an entry of {size} bytes, and limits.staged is {limit}"
            ))),
            false => Ok(()),
        }
    }

    /// Whether to go on.
    fn resume(&self) -> Result<(), EarlyEnd> {
        if self.deployer.shutdown.is_cancelled() {
            return Err(EarlyEnd::Aborted("the host is stopping".into()));
        }
        match self.rollout.aborted.is_cancelled() {
            true => Err(EarlyEnd::Aborted(self.rollout.abort_cause().reason)),
            false => Ok(()),
        }
    }
}

fn refused(reason: String) -> EarlyEnd {
    Refusal::at(Gate::Migration, reason).into()
}
