//! Which version serves, as the context's own journal knows it: what a swap commits, and what a start goes by.

use serde::{Deserialize, Serialize};

use super::deployer::Deployer;
use crate::core::{VersionDigest, or_empty};
use crate::invocation::{Context, record};
use crate::journal::{
    self, CommitError, Durability, Ledger, Proposal, ReadSet, Space, Unit, Write, bookkeeping,
};
use crate::versions::{Tables, Version, WrittenTables};

/// Where the journal keeps it.
const KEY: &str = "standing";
/// Where journals kept it that know nothing of tables: what is in them was written as no component writes any more.
const FORMER_KEY: &str = "version";
/// How many versions are remembered to go back to.
const MOST_BEFORE: usize = 100;

/// What stands in a context.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ActiveVersion {
    /// The version that serves; none when none ever did.
    #[serde(with = "or_empty")]
    pub digest: Option<VersionDigest>,
    /// The schema of the version that serves.
    pub schema: u32,
    /// The schemas that the state may hold rows of.
    pub schemas: Vec<u32>,
    /// The tables that the state may hold rows of.
    pub tables: WrittenTables,
    /// The digest of the component that the manifest named when it was last looked at, at a start or because somebody uploaded the same: another one there
    /// is newer than what serves.
    pub shipped: Option<VersionDigest>,
    /// What a rollback goes back to, the last one first.
    pub before: Vec<VersionDigest>,
}

/// What a version writes its state in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<'a> {
    /// The number of its schema.
    pub schema: u32,
    /// Its tables.
    pub tables: &'a Tables,
}

impl<'a> Shape<'a> {
    /// That of a version.
    pub(super) fn of(version: &'a Version) -> Self {
        Self {
            schema: version.schema.number,
            tables: &version.description.tables,
        }
    }
}

impl ActiveVersion {
    /// What stands, if anything ever did.
    pub(super) fn read(ledger: &Ledger) -> Result<Option<Self>, journal::Error> {
        let found = ledger.get(Space::Meta, KEY.as_bytes())?;
        if found.is_none() && ledger.get(Space::Meta, FORMER_KEY.as_bytes())?.is_some() {
            return Err(journal::Error::Former);
        }
        found
            .map(|value| record::read(KEY.as_bytes(), &value))
            .transpose()
    }

    /// After another version has taken over, on the state that is there.
    pub(super) fn succeeded_by(&self, digest: VersionDigest, shape: Shape<'_>) -> Self {
        let mut next = self.followed_by(digest);
        next.serve(shape);
        next
    }

    /// After another version has taken over, and all of the state is in its shape now.
    pub(super) fn succeeded_in_shape_by(&self, digest: VersionDigest, shape: Shape<'_>) -> Self {
        let mut next = self.followed_by(digest);
        next.schemas.clear();
        next.tables.clear();
        next.serve(shape);
        next
    }

    fn followed_by(&self, digest: VersionDigest) -> Self {
        let mut next = self.clone();
        if next.digest != Some(digest) {
            next.before.retain(|before| *before != digest);
            if let Some(former) = self.digest {
                next.before.insert(0, former);
            }
            next.before.truncate(MOST_BEFORE);
            next.digest = Some(digest);
        }
        next
    }

    /// After a version that served once has taken over again. What is gone back to by steps is not come by again; going back to one that was itself rolled back
    /// from is a step like any other, which can be rolled back.
    pub(super) fn taken_back_to(&self, digest: VersionDigest, shape: Shape<'_>) -> Self {
        let Some(place) = self.before.iter().position(|before| *before == digest) else {
            return self.succeeded_by(digest, shape);
        };
        let mut next = self.clone();
        next.before.drain(..=place);
        next.digest = Some(digest);
        next.serve(shape);
        next
    }

    /// When a version begins to write beside the one that serves.
    pub(super) fn written_also(&self, shape: Shape<'_>) -> Self {
        let mut next = self.clone();
        next.note(shape.schema);
        next.tables.note(shape.tables);
        next
    }

    fn serve(&mut self, shape: Shape<'_>) {
        self.schema = shape.schema;
        self.note(shape.schema);
        self.tables.serve(shape.tables);
    }

    fn note(&mut self, schema: u32) {
        if !self.schemas.contains(&schema) {
            self.schemas.push(schema);
        }
    }

    /// The write that makes it stand.
    pub(super) fn write(&self) -> Result<Write, journal::Error> {
        record::write(Space::Meta, KEY, self)
    }

    /// Makes it stand, on disk.
    pub(super) async fn commit(&self, context: &Context) -> Result<(), CommitError> {
        let unit = self.unit(context.ledger.applied(), ReadSet::default())?;
        context.ledger.commit_as(unit, Durability::Flush).await?;
        Ok(())
    }

    fn unit(&self, began: u64, reads: ReadSet) -> Result<Unit, journal::Error> {
        let mut header = bookkeeping("swap");
        header.version = self.digest;
        Ok(Unit {
            began,
            reads,
            header,
            writes: vec![self.write()?],
            events: Vec::new(),
        })
    }
}

/// Whether the manifest names this component by now.
pub(super) async fn is_shipped(
    deployer: &Deployer,
    context: &Context,
    digest: VersionDigest,
) -> bool {
    let file = deployer.rollouts(context).shipped.lock().clone();
    let Some(file) = file else {
        return false;
    };
    let reading = tokio::task::spawn_blocking(move || std::fs::read(file));
    // Where it cannot be read it is seen at the next start.
    let read = reading.await.ok().and_then(Result::ok);
    read.is_some_and(|bytes| VersionDigest::of(&bytes) == digest)
}

/// The same, where it is the manifest's component.
pub(super) async fn note_shipped_if_named(
    deployer: &Deployer,
    context: &Context,
    digest: VersionDigest,
) {
    if is_shipped(deployer, context, digest).await {
        note_shipped(context, digest).await;
    }
}

/// Notes that the manifest's component has been dealt with: whatever came of it, a start does not take it for newer than what serves.
pub(super) async fn note_shipped(context: &Context, digest: VersionDigest) {
    if let Err(error) = shipped(context, digest).await {
        tracing::warn!(context = context.name.as_str(), %error, "could not record the manifest's component; it will be rolled out again at the next start");
    }
}

async fn shipped(context: &Context, digest: VersionDigest) -> Result<(), CommitError> {
    let ledger = &context.ledger;
    let noted = ledger.commit_proposed(Some(Durability::Flush), |began| {
        let Some(active) = ActiveVersion::read(ledger)? else {
            return Ok(Proposal::Nothing(()));
        };
        if active.shipped == Some(digest) {
            return Ok(Proposal::Nothing(()));
        }
        let next = ActiveVersion {
            shipped: Some(digest),
            ..active
        };
        let mut reads = ReadSet::default();
        reads.note_key(Space::Meta, KEY.as_bytes());
        Ok(Proposal::Commit(next.unit(began, reads)?, ()))
    });
    noted.await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(component: &str) -> VersionDigest {
        VersionDigest::of(component.as_bytes())
    }

    fn shape(schema: u32) -> Shape<'static> {
        static NONE: std::sync::LazyLock<Tables> = std::sync::LazyLock::new(Tables::default);
        Shape {
            schema,
            tables: &NONE,
        }
    }

    #[test]
    fn a_rollback_goes_back_step_by_step() {
        let first = ActiveVersion::default().succeeded_by(digest("a"), shape(0));
        let third = first
            .succeeded_by(digest("b"), shape(0))
            .succeeded_by(digest("c"), shape(0));
        assert_eq!(third.before, [digest("b"), digest("a")]);
        let back = third.taken_back_to(digest("b"), shape(0));
        assert_eq!((back.digest, back.before.len()), (Some(digest("b")), 1));
        let back = back.taken_back_to(digest("a"), shape(0));
        assert_eq!((back.digest, back.before.len()), (Some(digest("a")), 0));
        let skipped = third.taken_back_to(digest("a"), shape(0));
        assert_eq!(
            (skipped.digest, skipped.before.len()),
            (Some(digest("a")), 0)
        );
    }

    #[test]
    fn a_rollback_can_be_taken_back() {
        let two = ActiveVersion::default()
            .succeeded_by(digest("a"), shape(0))
            .succeeded_by(digest("b"), shape(0));
        let back = two.taken_back_to(digest("a"), shape(0));
        let forth = back.taken_back_to(digest("b"), shape(0));
        assert_eq!(
            (forth.digest, &forth.before[..]),
            (Some(digest("b")), &[digest("a")][..])
        );
        assert_eq!(forth.taken_back_to(digest("a"), shape(0)), back);
    }

    #[test]
    fn the_same_again_is_no_step() {
        let one = ActiveVersion::default().succeeded_by(digest("a"), shape(0));
        assert_eq!(one.succeeded_by(digest("a"), shape(0)).before, []);
        let back_and_forth = one
            .succeeded_by(digest("b"), shape(0))
            .succeeded_by(digest("a"), shape(0))
            .succeeded_by(digest("b"), shape(0));
        assert_eq!(back_and_forth.before, [digest("a")]);
    }

    #[test]
    fn the_state_holds_rows_of_every_version_that_wrote() {
        let two = ActiveVersion::default()
            .succeeded_by(digest("a"), shape(1))
            .succeeded_by(digest("b"), shape(2));
        assert_eq!(two.schemas, [1, 2]);
        assert_eq!(
            two.succeeded_in_shape_by(digest("c"), shape(3)).schemas,
            [3]
        );
    }
}
