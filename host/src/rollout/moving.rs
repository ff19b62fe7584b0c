//! Moving the state: another generation of it is filled for a version while the former one serves, and then both take over in one commit.
//!
//! A migration copies: entries are given to the version in steps, and those that changed meanwhile once more. For the last of them the context stands still for a
//! moment: nobody follows, and whoever wants to write waits for a turn. What was begun before and commits all the same makes the exchange a conflict, and
//! it is tried again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::conduct::Cut;
use super::gate::{Gate, Refusal};
use super::progress::Rollout;
use super::register::State;
use super::schema::Move;
use super::swap::{self, Exchange, SwapError, Swapped};
use super::version::Version;
use super::{describe, probe};
use crate::app::{Context, Host};
use crate::events::{self, bookkeeping, rebuild};
use crate::guest::StateEntry;
use crate::invocation::turns::Stripes;
use crate::journal::{
    self, Capture, CommitError, Durability, KeyRange, ReadSet, Space, Unit, Write,
};

/// How many entries are migrated at a time.
const STEP: usize = 256;
/// So few changes are migrated while the context stands still.
const FEW: usize = 64;
/// How often the changes are caught up with before the context stands still for however many there are.
const ROUNDS: usize = 50;
/// How often the exchange is tried.
const TRIES: usize = 20;

/// Moves the state as a version needs it, and has both take over.
pub(super) async fn move_and_swap(
    host: &Arc<Host>,
    context: &Arc<Context>,
    rollout: &Rollout,
    version: &Arc<Version>,
    state: Move,
) -> Result<Swapped, Cut> {
    let began = Instant::now();
    let swapped = match state {
        Move::None => return Err(Cut::Aborted("there is nothing to move".into())),
        Move::Rebuild => {
            let refilled = rebuild::refill(host, context, version, &rollout.abort).await;
            let swapped = refilled.map_err(Cut::Aborted)?;
            rollout.passed(
                Gate::Migration,
                "the state was filled anew from the events",
                began.elapsed(),
            );
            swapped
        }
        Move::Migrate { from } => {
            let migration = Migration {
                host,
                context,
                rollout,
                version,
                from,
                before: context.version(),
                results: BTreeMap::new(),
            };
            let (swapped, entries) = migration.run().await?;
            rollout.passed(
                Gate::Migration,
                format!("{entries} entries were migrated from schema {from}"),
                began.elapsed(),
            );
            swapped
        }
    };
    let because = swap::because(rollout, "rolled out with its state");
    swap::settle(host, context, version, &swapped, State::Drained, &because).await;
    Ok(swapped)
}

impl From<CommitError> for Cut {
    fn from(error: CommitError) -> Self {
        Self::Aborted(error.to_string())
    }
}

impl From<journal::Error> for Cut {
    fn from(error: journal::Error) -> Self {
        Self::Aborted(error.to_string())
    }
}

struct Migration<'a> {
    host: &'a Arc<Host>,
    context: &'a Arc<Context>,
    rollout: &'a Rollout,
    version: &'a Arc<Version>,
    from: u32,
    /// The version that serves meanwhile.
    before: Option<Arc<Version>>,
    /// The keys that entries resulted in, where those are others than their own.
    results: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
}

impl Migration<'_> {
    async fn run(mut self) -> Result<(Swapped, u64), Cut> {
        let filling = rebuild::Filling::begin(self.host, self.context).await;
        let filling = filling.map_err(Cut::Aborted)?;
        let (former, new) = (filling.former(), filling.generation());
        let capture = self.context.ledger.capture(Space::State(former));
        let entries = self.copy(former, new).await?;
        self.catch_up(&capture, former, new).await?;
        probe::ready(self.host, self.context, self.version, new).await?;
        let swapped = self.exchange(&capture, former, new).await?;
        filling.serves();
        Ok((swapped, entries))
    }

    /// Migrates all there is, in steps.
    async fn copy(&mut self, former: u32, new: u32) -> Result<u64, Cut> {
        let mut count = 0;
        let mut range = KeyRange::all();
        loop {
            self.check()?;
            let ledger = self.context.ledger.clone();
            let wanted = range.clone();
            let reading = tokio::task::spawn_blocking(move || {
                ledger.scan(Space::State(former), &wanted, STEP, false)
            });
            let entries = reading.await.unwrap_or(Err(journal::Error::Closed))?;
            let Some((last, _)) = entries.last() else {
                return Ok(count);
            };
            range = KeyRange::new([last.as_slice(), &[0]].concat(), None);
            count += entries.len() as u64;
            let writes = self.migrate(new, entries).await?;
            self.commit(writes).await?;
        }
    }

    /// Migrates what has changed meanwhile, until that is little.
    async fn catch_up(&mut self, capture: &Capture, former: u32, new: u32) -> Result<(), Cut> {
        for _ in 0..ROUNDS {
            self.check()?;
            if self.again(capture, former, new).await? <= FEW {
                break;
            }
        }
        Ok(())
    }

    /// Migrates what has changed since it was last asked for; answers how many keys that were.
    async fn again(&mut self, capture: &Capture, former: u32, new: u32) -> Result<usize, Cut> {
        // What has been captured is visible then.
        let changed = capture.take();
        self.context.ledger.barrier().await?;
        let keys: Vec<_> = changed.into_iter().collect();
        for keys in keys.chunks(STEP) {
            let mut entries = Vec::new();
            let mut writes = Vec::new();
            for key in keys {
                let value = self.context.ledger.get(Space::State(former), key)?;
                let before = self.results.remove(key);
                let before = before.unwrap_or_else(|| vec![key.clone()]);
                writes.extend(before.into_iter().map(|key| removal(new, key)));
                entries.extend(value.map(|value| (key.clone(), value)));
            }
            // First what was there is removed, so that what comes in its place is not taken for a clash.
            self.commit(writes).await?;
            let writes = self.migrate(new, entries).await?;
            self.commit(writes).await?;
        }
        Ok(keys.len())
    }

    /// What becomes of some entries.
    async fn migrate(
        &mut self,
        new: u32,
        entries: Vec<(Vec<u8>, Vec<u8>)>,
    ) -> Result<Vec<Write>, Cut> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let refused = |reason: String| Cut::from(Refusal::at(Gate::Migration, reason));
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
        if results.len() != entries.len() {
            return Err(refused(format!(
                "`migrate` was given {} entries and answered for {}",
                entries.len(),
                results.len()
            )));
        }
        let mut writes = Vec::new();
        let mut keys = BTreeSet::new();
        for ((source, _), results) in entries.into_iter().zip(results) {
            let results: Vec<_> = results
                .into_iter()
                .map(|entry| (entry.key.into_bytes(), entry.value))
                .collect();
            for (key, _) in &results {
                let is_another = *key != source;
                let is_there =
                    is_another && self.context.ledger.get(Space::State(new), key)?.is_some();
                if !keys.insert(key.clone()) || is_there {
                    return Err(refused(format!(
                        "`migrate` results in the key {} twice; each key can come of one entry only",
                        key.escape_ascii()
                    )));
                }
            }
            let is_itself = matches!(&results[..], [(key, _)] if *key == source);
            if !is_itself {
                let keys = results.iter().map(|(key, _)| key.clone());
                self.results.insert(source, keys.collect());
            }
            writes.extend(results.into_iter().map(|(key, value)| Write {
                space: Space::State(new),
                key,
                value: Some(value),
            }));
        }
        Ok(writes)
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        if writes.is_empty() {
            return Ok(());
        }
        let ledger = &self.context.ledger;
        loop {
            let unit = Unit {
                began: ledger.applied(),
                reads: ReadSet::default(),
                header: bookkeeping("migration"),
                writes: writes.clone(),
                events: Vec::new(),
            };
            // The exchange waits for the disk, and so for all this.
            match ledger.commit_as(unit, Durability::Relaxed).await {
                Err(CommitError::Busy) => tokio::time::sleep(Duration::from_millis(5)).await,
                committed => return committed.map(|_| ()),
            }
        }
    }

    /// Has the context stand still, and then exchanges state and version.
    async fn exchange(&mut self, capture: &Capture, former: u32, new: u32) -> Result<Swapped, Cut> {
        let still = events::stand_still(self.host, self.context).await;
        let turn = self.context.turns.take(Stripes::ALL).await;
        let exchanged = self.exchange_still(capture, former, new).await;
        drop(turn);
        still.go_on().await;
        exchanged
    }

    /// Migrates the last changes, and exchanges, until nothing has changed in between.
    async fn exchange_still(
        &mut self,
        capture: &Capture,
        former: u32,
        new: u32,
    ) -> Result<Swapped, Cut> {
        for _ in 0..TRIES {
            let began = self.context.ledger.applied();
            self.again(capture, former, new).await?;
            let mut reads = ReadSet::default();
            reads.note_range(Space::State(former), &KeyRange::all());
            let additions = events::carry_over(self.context, former, new, &mut reads)?;
            let exchange = Exchange {
                generation: new,
                began,
                reads,
                additions,
            };
            let before = self.before.as_ref();
            match swap::exchange(self.host, self.context, self.version, before, exchange).await {
                Err(SwapError::Journal(CommitError::Conflict { .. } | CommitError::Busy)) => {}
                result => return Ok(result?),
            }
        }
        Err(Cut::Aborted(
            "its state changed whenever it was about to take over; try again under less load"
                .into(),
        ))
    }

    /// Whether to go on.
    fn check(&self) -> Result<(), Cut> {
        if self.host.shutdown.is_cancelled() {
            return Err(Cut::Aborted("the host is stopping".into()));
        }
        match self.rollout.abort.is_cancelled() {
            true => Err(Cut::Aborted("it was taken back".into())),
            false => Ok(()),
        }
    }
}

fn removal(generation: u32, key: Vec<u8>) -> Write {
    Write {
        space: Space::State(generation),
        key,
        value: None,
    }
}
