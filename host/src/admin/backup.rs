//! `/v1/backup`

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use futures::stream::unfold;
use http::{HeaderValue, StatusCode, header};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc};

use super::backup_framing;
use super::caller::Caller;
use super::extract::Running;
use super::problem::Problem;
use super::session::Session;
use super::state::State;
use crate::app::Host;
use crate::journal::{self, CopyError, FileKind, Part};
use crate::registry::KeptCopies;
use crate::rollout;

/// Parts that wait for whoever takes them.
const WAITING: usize = 4;
/// How much of a component is in a part.
const PIECE: usize = 512 << 10;

/// Take a copy of all journals and components, at one instant, while the host goes on
///
/// The answer is for `innkeeper backup`, which makes a data directory of it. One at a time.
#[utoipa::path(post, path = "/v1/backup", tag = "host", responses(
    (status = 200, content_type = "application/octet-stream", description = "the copy, part by part"),
    (status = 409, description = "the journals are in memory only"),
    (status = 503, description = "one is already being taken")
))]
pub(super) async fn take(
    Shared(state): Shared<Arc<State>>,
    Running(host): Running,
    caller: Caller,
    session: Session,
) -> Result<Response, Problem> {
    let place = state.backup.clone().try_acquire_owned().map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "a backup is already being taken; try again when it has ended",
        )
    })?;
    if host.committer().is_none() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "the journals of this app are in memory only: there is nothing to copy",
        ));
    }
    let runtime = Handle::current();
    let (sender, receiver) = mpsc::channel(WAITING);
    let by = caller.name;
    host.clone().tasks.spawn_blocking(move || {
        // Until it is ended, whoever takes it.
        let _place = place;
        tracing::info!(target: "innkeeper::audit", by, "a backup was started");
        let telling = Telling {
            host,
            sender,
            session: Mutex::new(session),
            runtime,
        };
        if let Err(error) = telling.everything() {
            tracing::warn!(by, %error, "a backup was not completed");
            // Who has gone need not hear of it.
            let _ = telling.tell(Part::Failed(error.to_string()));
        }
    });
    let body = unfold(receiver, |mut receiver| async move {
        let frame: Vec<u8> = receiver.recv().await?;
        Some((Ok::<_, io::Error>(Bytes::from(frame)), receiver))
    });
    let kind = HeaderValue::from_static("application/octet-stream");
    Ok(([(header::CONTENT_TYPE, kind)], Body::from_stream(body)).into_response())
}

struct Telling {
    host: Arc<Host>,
    sender: mpsc::Sender<Vec<u8>>,
    session: Mutex<Session>,
    runtime: Handle,
}

impl Telling {
    fn everything(&self) -> Result<(), CopyError> {
        // What is kept at the instant is there before it or after it: what comes later or goes meanwhile does no harm in the copy.
        let before = self.components(&BTreeSet::new())?;
        if let Some(committer) = self.host.committer() {
            journal::copy(&committer, &mut |part| self.tell(part))?;
        }
        self.components(&before)?;
        self.missing_components()?;
        self.registry_copies()?;
        self.tell(Part::End)
    }

    fn tell(&self, part: Part) -> Result<(), CopyError> {
        let sending = async {
            let mut session = self.session.lock().await;
            // Neither a stop nor a token that was withdrawn waits for whoever takes it.
            tokio::select! {
                biased;
                () = self.host.shutdown.cancelled() => Err(CopyError::NotTaken),
                () = session.withdrawn() => Err(CopyError::NotTaken),
                sent = self.sender.send(backup_framing::encode(&part)) => {
                    sent.map_err(|_| CopyError::NotTaken)
                }
            }
        };
        // This thread may be blocked.
        self.runtime.block_on(sending)
    }

    /// Brings the components that are kept, but for some; and says which there are.
    fn components(&self, but: &BTreeSet<PathBuf>) -> Result<BTreeSet<PathBuf>, CopyError> {
        let directory = self.host.deployer.components.directory();
        let unreadable = unreadable(directory);
        let entries = match std::fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            entries => entries.map_err(&unreadable)?,
        };
        let mut found = BTreeSet::new();
        for entry in entries {
            let path = entry.map_err(&unreadable)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "wasm")
            {
                found.insert(path);
            }
        }
        for path in found.difference(but) {
            self.file(FileKind::Component, path)?;
        }
        Ok(found)
    }

    /// Brings those that should be there as empty files, which are not what their names say: so whoever takes the backup learns what it lacks.
    fn missing_components(&self) -> Result<(), CopyError> {
        let missing = rollout::missing_components(&self.host.deployer, &self.runtime);
        for digest in missing.map_err(CopyError::from)? {
            tracing::error!(%digest, "the component of a version is missing, so a backup lacks it; deploy the same again, which mends it");
            self.tell(Part::File {
                kind: FileKind::Component,
                name: format!("{digest}.wasm"),
                bytes: Vec::new(),
                is_whole: true,
            })?;
        }
        Ok(())
    }

    /// Brings the copies of what the manifest names in registries: whoever starts with the backup may reach none.
    fn registry_copies(&self) -> Result<(), CopyError> {
        let copies = KeptCopies::of(&self.host.manifest().journal.directory);
        let names = copies.files();
        let names = names.map_err(unreadable(&self.host.manifest().journal.directory))?;
        for path in names.iter().filter_map(|name| copies.file(name)) {
            self.file(FileKind::RegistryCopy, &path)?;
        }
        Ok(())
    }

    fn file(&self, kind: FileKind, path: &Path) -> Result<(), CopyError> {
        let unreadable = unreadable(path);
        let mut file = match File::open(path) {
            // It has gone meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(&unreadable)?,
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        loop {
            let mut bytes = Vec::with_capacity(PIECE);
            let piece = Read::by_ref(&mut file).take(PIECE as u64);
            let length = { piece }.read_to_end(&mut bytes).map_err(&unreadable)?;
            let is_whole = length < PIECE;
            self.tell(Part::File {
                kind,
                name: name.clone().into_owned(),
                bytes,
                is_whole,
            })?;
            if is_whole {
                return Ok(());
            }
        }
    }
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> CopyError {
    move |error| {
        CopyError::from(journal::Error::Disk {
            reason: format!("{}: {error}", path.display()),
        })
    }
}
