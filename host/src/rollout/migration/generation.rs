//! Generations of a context's state: which one serves, and which one is on its way in or out.
//!
//! At most one generation besides the serving one holds anything. A note in the journal names it from before its first write until its last key is gone, so
//! whatever a crash leaves of it is found and swept.

use std::ops::ControlFlow;

use tokio_util::sync::CancellationToken;

use crate::events::{CursorKey, dead_letter};
use crate::invocation::{Context, GENERATION_KEY};
use crate::journal::{self, CommitError, Durability, KeyRange, Space, Unit, Write};

/// Where the journal keeps which generation does not serve and is not yet gone: four bytes, big-endian.
const SPARE_KEY: &[u8] = b"spare-generation";

/// How many keys are swept at a time.
const STEP: usize = 512;

/// The generation besides the serving one that may hold something.
pub(in crate::rollout) fn spare(context: &Context) -> Result<Option<u32>, journal::Error> {
    let Some(value) = context.ledger.get(Space::Meta, SPARE_KEY)? else {
        return Ok(None);
    };
    let value = <[u8; 4]>::try_from(value.as_slice());
    let spare = value.map(u32::from_be_bytes);
    spare.map(Some).map_err(|_| journal::Error::Damaged {
        what: "the note of the spare generation".into(),
    })
}

/// Announces a generation that is to be filled.
pub(in crate::rollout) async fn announce(
    context: &Context,
    generation: u32,
) -> Result<(), CommitError> {
    commit(context, vec![note(SPARE_KEY, Some(generation))]).await
}

/// The writes that make another generation the serving one; the former becomes the spare one.
///
/// Nobody may follow for the context when they are committed.
pub(in crate::rollout) fn exchange(former: u32, generation: u32) -> [Write; 2] {
    [
        note(GENERATION_KEY, Some(generation)),
        note(SPARE_KEY, Some(former)),
    ]
}

/// Makes sure that whoever still works on a former generation fails its validation: who began between the commit of the swap and the moment at which
/// everybody here knew of it has not noticed.
pub(in crate::rollout) async fn fence(context: &Context) -> Result<(), CommitError> {
    commit(
        context,
        vec![note(GENERATION_KEY, Some(context.generation()))],
    )
    .await
}

/// Removes all that a generation holds, in small steps, and then the note of it. Breaks off when the host stops; the next start goes on.
pub(in crate::rollout) async fn sweep(
    context: &Context,
    generation: u32,
    stop: &CancellationToken,
) -> Result<ControlFlow<()>, CommitError> {
    let parts = [
        (Space::State(generation), KeyRange::all()),
        (Space::Cursor, CursorKey::of_generation(generation)),
        (Space::DeadLetter, dead_letter::of_generation(generation)),
    ];
    for (space, range) in parts {
        while sweep_step(context, space, range.clone()).await? > 0 {
            if stop.is_cancelled() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    commit(context, vec![note(SPARE_KEY, None)]).await?;
    Ok(ControlFlow::Continue(()))
}

async fn sweep_step(
    context: &Context,
    space: Space,
    range: KeyRange,
) -> Result<usize, journal::Error> {
    let ledger = context.ledger.clone();
    let step = tokio::task::spawn_blocking(move || ledger.journal().sweep(space, &range, STEP));
    // Only a runtime that shuts down gives no answer.
    step.await.unwrap_or(Err(journal::Error::Closed))
}

fn note(key: &[u8], generation: Option<u32>) -> Write {
    Write {
        space: Space::Meta,
        key: key.to_vec(),
        value: generation.map(|generation| generation.to_be_bytes().to_vec()),
    }
}

/// Waits for the disk, and so for everything before, whatever the context does otherwise.
async fn commit(context: &Context, writes: Vec<Write>) -> Result<(), CommitError> {
    let unit = Unit::bookkeeping("rebuild", context.ledger.applied(), writes);
    context.ledger.commit_as(unit, Durability::Flush).await?;
    Ok(())
}
