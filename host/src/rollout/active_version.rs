//! Which version serves, as the context's own journal knows it: what a swap commits, and what a start goes by.

use serde::{Deserialize, Serialize};

use super::component_store::ComponentStore;
use super::deployer::Deployer;
use crate::invocation::{Context, record};
use crate::journal::{
    self, CommitError, Durability, Ledger, ReadSet, Space, Unit, Write, bookkeeping,
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
    /// The digest of the version that serves.
    pub digest: String,
    /// The schema of the version that serves.
    pub schema: u32,
    /// The schemas that the state may hold rows of.
    pub schemas: Vec<u32>,
    /// The tables that the state may hold rows of.
    pub tables: WrittenTables,
    /// The digest of the component that the manifest named when it was last looked at, at a start or because somebody uploaded the same: another one there
    /// is newer than what serves.
    pub shipped: Option<String>,
    /// What a rollback goes back to, the last one first.
    pub before: Vec<String>,
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

    /// After another version has taken over; `moved` says that all of the state is in its shape now.
    pub(super) fn succeeded_by(&self, digest: &str, shape: Shape<'_>, moved: bool) -> Self {
        let mut next = self.clone();
        if next.digest != digest {
            next.before.retain(|before| before != digest);
            if !self.digest.is_empty() {
                next.before.insert(0, self.digest.clone());
            }
            next.before.truncate(MOST_BEFORE);
            digest.clone_into(&mut next.digest);
        }
        if moved {
            next.schemas.clear();
            next.tables.clear();
        }
        next.serve(shape);
        next
    }

    /// After a version that served once has taken over again. What is gone back to by steps is not come by again; going back to one that was itself rolled back
    /// from is a step like any other, which can be taken back.
    pub(super) fn taken_back_to(&self, digest: &str, shape: Shape<'_>) -> Self {
        let Some(place) = self.before.iter().position(|before| before == digest) else {
            return self.succeeded_by(digest, shape, false);
        };
        let mut next = self.clone();
        next.before.drain(..=place);
        digest.clone_into(&mut next.digest);
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
        let began = context.ledger.applied();
        self.commit_after(context, began, ReadSet::default()).await
    }

    async fn commit_after(
        &self,
        context: &Context,
        began: u64,
        reads: ReadSet,
    ) -> Result<(), CommitError> {
        let mut header = bookkeeping("swap");
        self.digest.clone_into(&mut header.version);
        let unit = Unit {
            began,
            reads,
            header,
            writes: vec![self.write()?],
            events: Vec::new(),
        };
        context.ledger.commit_as(unit, Durability::Flush).await?;
        Ok(())
    }
}

/// Whether the manifest names this component by now.
pub(super) async fn is_shipped(deployer: &Deployer, context: &Context, digest: &str) -> bool {
    let Some(file) = deployer.rollouts(context).shipped.get().cloned() else {
        return false;
    };
    let reading = tokio::task::spawn_blocking(move || std::fs::read(file));
    // Where it cannot be read it is seen at the next start.
    let read = reading.await.ok().and_then(Result::ok);
    read.is_some_and(|bytes| ComponentStore::digest(&bytes) == digest)
}

/// The same, where it is the manifest's component.
pub(super) async fn note_shipped_if_named(deployer: &Deployer, context: &Context, digest: &str) {
    if is_shipped(deployer, context, digest).await {
        note_shipped(context, digest).await;
    }
}

/// Notes that the manifest's component has been dealt with: whatever came of it, a start does not take it for newer than what serves.
pub(super) async fn note_shipped(context: &Context, digest: &str) {
    if let Err(error) = shipped(context, digest).await {
        tracing::warn!(context = context.name, %error, "could not record the manifest's component; it will be rolled out again at the next start");
    }
}

async fn shipped(context: &Context, digest: &str) -> Result<(), CommitError> {
    loop {
        let began = context.ledger.applied();
        let Some(active) = ActiveVersion::read(&context.ledger)? else {
            return Ok(());
        };
        if active.shipped.as_deref() == Some(digest) {
            return Ok(());
        }
        let next = ActiveVersion {
            shipped: Some(digest.to_owned()),
            ..active
        };
        let mut reads = ReadSet::default();
        reads.note_key(Space::Meta, KEY.as_bytes());
        match next.commit_after(context, began, reads).await {
            Err(CommitError::Conflict { .. }) => {}
            committed => return committed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(schema: u32) -> Shape<'static> {
        static NONE: std::sync::LazyLock<Tables> = std::sync::LazyLock::new(Tables::default);
        Shape {
            schema,
            tables: &NONE,
        }
    }

    #[test]
    fn a_rollback_goes_back_step_by_step() {
        let first = ActiveVersion::default().succeeded_by("a", shape(0), false);
        let third = first
            .succeeded_by("b", shape(0), false)
            .succeeded_by("c", shape(0), false);
        assert_eq!(third.before, ["b", "a"]);
        let back = third.taken_back_to("b", shape(0));
        assert_eq!((back.digest.as_str(), back.before.len()), ("b", 1));
        let back = back.taken_back_to("a", shape(0));
        assert_eq!((back.digest.as_str(), back.before.len()), ("a", 0));
        let skipped = third.taken_back_to("a", shape(0));
        assert_eq!((skipped.digest.as_str(), skipped.before.len()), ("a", 0));
    }

    #[test]
    fn a_rollback_can_be_taken_back() {
        let two = ActiveVersion::default()
            .succeeded_by("a", shape(0), false)
            .succeeded_by("b", shape(0), false);
        let back = two.taken_back_to("a", shape(0));
        let forth = back.taken_back_to("b", shape(0));
        assert_eq!(
            (forth.digest.as_str(), &forth.before[..]),
            ("b", &["a".to_owned()][..])
        );
        assert_eq!(forth.taken_back_to("a", shape(0)), back);
    }

    #[test]
    fn the_same_again_is_no_step() {
        let one = ActiveVersion::default().succeeded_by("a", shape(0), false);
        assert_eq!(one.succeeded_by("a", shape(0), false).before, [""; 0]);
        let back_and_forth = one
            .succeeded_by("b", shape(0), false)
            .succeeded_by("a", shape(0), false)
            .succeeded_by("b", shape(0), false);
        assert_eq!(back_and_forth.before, ["a"]);
    }

    #[test]
    fn the_state_holds_rows_of_every_version_that_wrote() {
        let two = ActiveVersion::default()
            .succeeded_by("a", shape(1), false)
            .succeeded_by("b", shape(2), false);
        assert_eq!(two.schemas, [1, 2]);
        assert_eq!(two.succeeded_by("c", shape(3), true).schemas, [3]);
    }
}
