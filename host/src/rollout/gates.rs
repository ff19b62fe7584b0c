//! The gates that a version passes before it gets any work.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::active_version::{self, ActiveVersion};
use super::compile::{CompileError, CompileLimits, CompilePriority};
use super::component_store::ComponentStore;
use super::deployer::Deployer;
use super::history::{Arrival, Because, Entry, History};
use super::progress::Rollout;
use super::refusal::{Gate, Refusal};
use super::schema::{self, Move};
use super::signature::Signed;
use super::upload::Upload;
use super::version_state::State;
use super::{
    compatibility, interrupted_rollout, load, missing_dependencies, reload, signature_check,
    startup_probe,
};
use crate::core::{VersionDigest, human_duration};
use crate::guest::{Guest, LoadError};
use crate::invocation::Context;
use crate::journal::CommitError;
use crate::versions::{Identity, Version, Wiring};

/// How often a component is compiled whose machine code is removed meanwhile, since the version of another context was refused that had the same.
const TRIES: usize = 2;
/// How many times as long as its processor time a compilation may take: behind what serves it has a tenth of a processor where that wants all of it.
const BUSY: u32 = 10;
/// The least that it may take, however little its processor time.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a version that has left memory may take to be loaded, also where it has to be compiled again.
const LOADING: Duration = Duration::from_secs(120);

/// A version that has passed.
pub(super) struct Passed {
    pub version: Arc<Version>,
    /// What its state needs before it can serve; none when it reads it as it is.
    pub state: Option<Move>,
}

/// Why a version has not passed.
pub(super) enum NotPassed {
    /// It was refused.
    Refused(Refusal),
    /// The host could not find out.
    Failed(String),
}

impl From<Refusal> for NotPassed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<CommitError> for NotPassed {
    fn from(error: CommitError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<crate::journal::Error> for NotPassed {
    fn from(error: crate::journal::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Takes a version through its gates.
pub(super) async fn pass(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    rollout: &Rollout,
    upload: &Upload,
) -> Result<Passed, NotPassed> {
    let digest = rollout.digest();
    let mut clock = Clock(Instant::now());
    rollout.passed(
        Gate::Component,
        format!("{} bytes, sha256 {digest}", upload.bytes.len()),
        clock.lap(),
    );
    let signed =
        signature_check::check(deployer, context, digest, upload.signature.as_deref()).await?;
    if let Some(Signed { signer, at }) = &signed {
        let told = format!("signed by {signer} at {at}");
        rollout.passed(Gate::Signature, told, clock.lap());
    }
    let signer = signed.map(|signed| signed.signer);
    let history = History::of(deployer, &context.name)?;
    let known = history.find(digest)?;
    unsuspected(known.as_ref(), upload)?;
    let entry = match upload.dry_run {
        true => known,
        false => Some(enter(deployer, context, &history, rollout, upload, digest, signer).await?),
    };
    let identity = identity(entry.as_ref(), upload, digest);
    rollout.name(identity.clone());
    let version = match deployer.rollouts(context).find_loaded(digest) {
        Some(version) => {
            rollout.passed(Gate::Compile, "it is already loaded", clock.lap());
            version
        }
        None => bring(deployer, context, rollout, upload, identity, &mut clock).await?,
    };
    let wiring = deployer.wiring.load().clone();
    let active = ActiveVersion::read(&context.ledger)?;
    let state = schema::needed(&context.name, active.clone(), &version)?;
    let told = match (&state, schema::remarks(active.as_ref(), &version)) {
        (Some(state), _) => state.to_string(),
        (None, Some(remarks)) => format!("it reads the state as it is; {remarks}"),
        (None, None) => "it reads the state as it is".to_owned(),
    };
    rollout.passed(Gate::Schema, told, clock.lap());
    compatibility::check(
        deployer,
        &deployer.manifest().contexts,
        &wiring,
        context,
        &version,
    )?;
    compatibility::could_have(deployer, &wiring, &context.name, &version)?;
    rollout.passed(
        Gate::Consumers,
        fits(deployer, context, &wiring, &version),
        clock.lap(),
    );
    // A version that migrates is asked when the state has its shape.
    if !matches!(state, Some(Move::Migrate { .. })) {
        startup_probe::ready(deployer, context, &version, context.generation()).await?;
        rollout.passed(Gate::Ready, "it says that it is ready", clock.lap());
    }
    Ok(Passed { version, state })
}

/// Measures what each gate takes.
struct Clock(Instant);

impl Clock {
    fn lap(&mut self) -> Duration {
        let took = self.0.elapsed();
        self.0 = Instant::now();
        took
    }
}

fn unsuspected(known: Option<&Entry>, upload: &Upload) -> Result<(), Refusal> {
    let Some(known) = known.filter(|known| known.state == State::Quarantined && !upload.force)
    else {
        return Ok(());
    };
    let reason = known.history.last().map(|step| step.reason.clone());
    Err(Refusal::at(
        Gate::Quarantine,
        format!(
            "version {} is quarantined: {}; fix it and upload the new component, or use --force",
            known.number,
            reason.unwrap_or_default()
        ),
    ))
}

/// Keeps the bytes, and enters the version into the history.
async fn enter(
    deployer: &Arc<Deployer>,
    context: &Context,
    history: &History<'_>,
    rollout: &Rollout,
    upload: &Upload,
    digest: VersionDigest,
    signer: Option<String>,
) -> Result<Entry, NotPassed> {
    interrupted_rollout::note(deployer, context, rollout).await?;
    let _entering = deployer.components.entering().await;
    store(deployer, digest, &upload.bytes).await?;
    if let Some(signature) = &upload.signature {
        signature_check::keep(deployer, &context.name, digest, signature).await?;
    }
    let arrival = Arrival {
        digest,
        label: upload.label.clone(),
        size: upload.bytes.len() as u64,
        signer,
    };
    let because = Because::of_rollout(rollout, "uploaded");
    let entry = history.enter(&arrival, &because).await?;
    rollout.note_in_history();
    if !upload.is_shipped {
        active_version::note_shipped_if_named(deployer, context, digest).await;
    }
    Ok(entry)
}

/// Keeps the bytes of a component.
pub(super) async fn store(
    deployer: &Deployer,
    digest: VersionDigest,
    bytes: &[u8],
) -> Result<(), NotPassed> {
    storing(deployer, digest, bytes, ComponentStore::put).await
}

async fn storing<T: Send + 'static>(
    deployer: &Deployer,
    digest: VersionDigest,
    bytes: &[u8],
    store: impl FnOnce(&ComponentStore, VersionDigest, &[u8]) -> io::Result<T> + Send + 'static,
) -> Result<T, NotPassed> {
    let (components, bytes) = (deployer.components.clone(), bytes.to_vec());
    let stored = tokio::task::spawn_blocking(move || store(&components, digest, &bytes)).await;
    match stored {
        Ok(Ok(stored)) => Ok(stored),
        Ok(Err(error)) => Err(NotPassed::Failed(format!(
            "the component cannot be stored: {error}; make room in the data directory"
        ))),
        Err(_) => Err(NotPassed::Failed("the host is stopping".into())),
    }
}

fn identity(entry: Option<&Entry>, upload: &Upload, digest: VersionDigest) -> Identity {
    Identity {
        digest,
        number: entry.map_or(0, |entry| entry.number),
        label: entry
            .and_then(|entry| entry.label.clone())
            .or_else(|| upload.label.clone()),
    }
}

/// Compiles a component apart, and loads it.
async fn bring(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    rollout: &Rollout,
    upload: &Upload,
    identity: Identity,
    clock: &mut Clock,
) -> Result<Arc<Version>, NotPassed> {
    let digest = identity.digest;
    // What is only tried is not kept, but the compiler reads it from disk.
    let draft = match upload.dry_run {
        true => Some(storing(deployer, digest, &upload.bytes, ComponentStore::draft).await?),
        false => None,
    };
    let file = match &draft {
        Some(draft) => draft.path().to_owned(),
        None => deployer.components.path(digest),
    };
    let compiled = compiled(
        deployer,
        context,
        digest,
        Some(&file),
        upload.priority,
        Load::OrShared,
    );
    let compiled = compiled.await;
    drop(draft);
    let (guest, took) = compiled?;
    let what = match took.is_zero() {
        true => "it was compiled before".to_owned(),
        false => format!("compiled in {}", human_duration(took)),
    };
    rollout.passed(Gate::Compile, what, clock.lap());
    let version = load::of_guest(guest, &context.name, &context.settings, identity).await?;
    let version = Arc::new(version);
    reload::let_leave(deployer, context, &version);
    rollout.passed(Gate::Imports, imports(&version), Duration::ZERO);
    rollout.passed(
        Gate::Contract,
        "it exports everything that the contract requires",
        Duration::ZERO,
    );
    rollout.passed(
        Gate::Describe,
        version.description.summary.clone(),
        clock.lap(),
    );
    if !upload.dry_run {
        deployer.rollouts(context).keep_loaded(&version);
    }
    Ok(version)
}

/// What looking at a component of a context may take.
pub(super) fn limits(deployer: &Deployer, context: &Context) -> CompileLimits {
    let manifest = deployer.manifest();
    let settings = &manifest.rollout;
    CompileLimits {
        cpu_time: settings.compile_time,
        wall_time: settings.compile_time.saturating_mul(BUSY).max(PATIENCE),
        memory: settings.compile_memory(),
        guest: context.settings.limits.memory,
        priority: CompilePriority::Background,
    }
}

/// What it means that a component was not compiled.
pub(super) fn of_compile(error: CompileError) -> NotPassed {
    match error {
        CompileError::Refused(refusal) => refusal.into(),
        CompileError::Broken { .. } => Refusal::at(Gate::Component, error).into(),
        CompileError::TooLong { .. } | CompileError::TooMuchMemory { .. } => {
            Refusal::at(Gate::Compile, error).into()
        }
        error => NotPassed::Failed(error.to_string()),
    }
}

fn imports(version: &Version) -> String {
    let uses: Vec<_> = version.guest.uses().keys().cloned().collect();
    match uses.is_empty() {
        true => "it calls no other context".to_owned(),
        false => format!("it calls {}", uses.join(", ")),
    }
}

fn fits(deployer: &Deployer, context: &Context, wiring: &Wiring, version: &Version) -> String {
    let missing_dependencies =
        missing_dependencies::of_version(deployer, wiring, &context.name, version);
    match missing_dependencies.is_empty() {
        true => "it fits the other contexts".to_owned(),
        false => format!(
            "it fits the other contexts, except that {}",
            missing_dependencies.join("; ")
        ),
    }
}

/// What was compiled of a component. Where that is gone, or never was, the component in the file is compiled first, apart; tells how long that took.
pub(super) async fn compiled(
    deployer: &Arc<Deployer>,
    context: &Context,
    digest: VersionDigest,
    file: Option<&Path>,
    priority: CompilePriority,
    how: Load,
) -> Result<(Arc<Guest>, Duration), NotPassed> {
    let (engine, artifacts) = (&deployer.engine, &deployer.artifacts);
    let load = async || match how {
        Load::OrShared => load::guest(engine, artifacts, digest, None).await,
        Load::Anew => load::guest_anew(engine, artifacts, digest).await,
    };
    let mut took = Duration::ZERO;
    for _ in 0..TRIES {
        match (load().await, file) {
            (Ok(guest), _) => return Ok((guest, took)),
            (Err(LoadError::NotCompiled { .. }), Some(file)) => {
                let limits = CompileLimits {
                    priority,
                    ..limits(deployer, context)
                };
                let compiler = &deployer.compiler;
                let compiling = compiler.compile(engine, artifacts, digest, file, limits);
                took += compiling.await.map_err(of_compile)?;
            }
            (Err(error), _) => return Err(load::of_load(&error).into()),
        }
    }
    let guest = load().await;
    Ok((guest.map_err(|error| load::of_load(&error))?, took))
}

/// Loads a version that is stored, for a rollback or a start, if it may serve still.
pub(super) async fn load_stored(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    entry: &Entry,
) -> Result<Arc<Version>, Refusal> {
    signature_check::check(deployer, context, entry.digest, None).await?;
    let mut how = Load::OrShared;
    if let Some(version) = deployer.rollouts(context).find_loaded(entry.digest) {
        // One that has left memory may not come back any more: that is to be known before it serves.
        let deadline = tokio::time::Instant::now() + LOADING;
        match version.guest.ensure_loaded(deadline).await {
            Ok(()) => return Ok(version),
            // That may be remembered of an earlier load: what is on disk by now decides.
            Err(fault) => {
                tracing::warn!(context = context.name.as_str(), version = %version.title, %fault, "it cannot be brought back into memory, and is read anew");
                how = Load::Anew;
            }
        }
    }
    let version = Arc::new(read_stored(deployer, context, entry, how).await?);
    reload::let_leave(deployer, context, &version);
    deployer.rollouts(context).keep_loaded(&version);
    Ok(version)
}

/// Loads a version that serves anew from what is stored, though it is loaded already, if it may serve still.
pub(super) async fn load_anew(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    entry: &Entry,
) -> Result<Version, Refusal> {
    signature_check::check(deployer, context, entry.digest, None).await?;
    let version = read_stored(deployer, context, entry, Load::Anew).await?;
    reload::let_leave(deployer, context, &version);
    Ok(version)
}

/// Whether machine code that somebody has loaded already will do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    /// It will.
    OrShared,
    /// It is read from disk again.
    Anew,
}

async fn read_stored(
    deployer: &Arc<Deployer>,
    context: &Arc<Context>,
    entry: &Entry,
    how: Load,
) -> Result<Version, Refusal> {
    let (store, digest) = (deployer.components.clone(), entry.digest);
    let read = tokio::task::spawn_blocking(move || store.get(digest)).await;
    let unreadable = match read {
        Ok(read) => read.err(),
        Err(_) => return Err(Refusal::at(Gate::Component, "the host is stopping")),
    };
    let identity = Identity {
        digest: entry.digest,
        number: entry.number,
        label: entry.label.clone(),
    };
    let file = deployer.components.path(entry.digest);
    let file = unreadable.is_none().then_some(file.as_path());
    // At a start, and for a rollback, nobody is served until it is there, or not well.
    let priority = CompilePriority::Foreground;
    let loaded = match compiled(deployer, context, entry.digest, file, priority, how).await {
        Ok((guest, _)) => load::of_guest(guest, &context.name, &context.settings, identity).await,
        Err(NotPassed::Refused(refusal)) => Err(refusal),
        Err(NotPassed::Failed(reason)) => Err(Refusal::at(Gate::Compile, reason)),
    };
    match (loaded, unreadable) {
        (Ok(version), None) => Ok(version),
        (Err(refusal), None) => Err(refusal),
        // What was made of its bytes is sound: it serves, until somebody brings the bytes again.
        (Ok(version), Some(error)) => {
            tracing::error!(context = context.name.as_str(), number = entry.number, %error, "the component of a version cannot be read; its compiled form serves");
            Ok(version)
        }
        (Err(_), Some(error)) => {
            let reason = format!("version {} cannot be read: {error}", entry.number);
            Err(Refusal::at(Gate::Component, reason))
        }
    }
}
