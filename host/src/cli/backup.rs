//! `innkeeper backup`

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use tokio::sync::mpsc;

use super::client::Answer;
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::progress::Progress;
use super::{journal as command, output};
use crate::admin::backup_framing::Frames;
use crate::app::DataDirectory;
use crate::core::{VersionDigest, counted};
use crate::journal::{CopyWriter, FileKind, Part};
use crate::registry::KeptCopies;

/// Memory for what is written.
const CACHE: u64 = 64 << 20;
/// Parts that wait to be written.
const WAITING: usize = 8;
/// How often it is told how far it has come.
const PERIOD: Duration = Duration::from_secs(1);
/// Where components are in a data directory.
const COMPONENTS: &str = "components";

/// Copy the journals and components of a running host, as they are at one instant, with what it keeps of registries
///
/// The host goes on serving meanwhile. What comes of it is a data directory: `innkeeper journal verify` checks it, which is done at the end, and `innkeeper
/// serve --data` starts with it. It holds all state, and so is as secret as that.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper backup /backups/monday
  innkeeper backup /backups/monday --admin stay.example:8081")]
pub(super) struct Backup {
    /// The directory to write; it must be empty, or not there yet
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    #[command(flatten)]
    operator: OperatorFlags,
}

impl Backup {
    pub async fn run(self) -> Result<(), Failure> {
        let client = self.operator.client()?;
        let directory = self.directory;
        check_is_free(&directory)?;
        // Before anything is made: who may not take it leaves nothing behind.
        let answer = client.download("/v1/backup").await?;
        let data = prepared(directory.clone()).await?;
        let (parts, taken) = mpsc::channel(WAITING);
        let writing = {
            let directory = directory.clone();
            tokio::task::spawn_blocking(move || write(&directory, taken))
        };
        let received = receive(answer, parts).await;
        let written = writing.await.map_err(|_| Failure::Interrupted)?;
        // Who could not write no longer receives.
        written.and(received)?;
        let verified = command::verified(directory.clone(), CACHE).await?;
        command::report(&verified)?;
        let damaged = tokio::task::spawn_blocking({
            let components = directory.join(COMPONENTS);
            move || remove_damaged(&components)
        });
        let damaged = damaged.await.map_err(|_| Failure::Interrupted)??;
        drop(data);
        if !damaged.is_empty() {
            return Err(Failure::Lacking { versions: damaged });
        }
        Ok(output::line(format_args!(
            "the backup is complete, in {}",
            directory.display()
        ))?)
    }
}

/// Whether nothing is there yet.
fn check_is_free(directory: &Path) -> Result<(), Failure> {
    let is_free = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        entries => entries
            .map_err(|source| file_failure(directory, source))?
            .next()
            .is_none(),
    };
    match is_free {
        true => Ok(()),
        false => Err(Failure::Usage(format!(
            "{} is not empty; name a directory that is, or that is not there yet",
            directory.display()
        ))),
    }
}

/// Has the directory for this process.
async fn prepared(directory: PathBuf) -> Result<DataDirectory, Failure> {
    let preparing = tokio::task::spawn_blocking(move || DataDirectory::take(&directory));
    Ok(preparing.await.map_err(|_| Failure::Interrupted)??)
}

/// Takes the copy as it comes.
async fn receive(mut answer: Answer, parts: mpsc::Sender<Part>) -> Result<(), Failure> {
    let mut frames = Frames::default();
    let progress = Progress::new();
    let (mut told, mut bytes, mut context) = (Instant::now(), 0_u64, String::new());
    loop {
        let Some(chunk) = answer.chunk().await? else {
            progress.clear();
            return Err(Failure::Incomplete("it was cut off".to_owned()));
        };
        bytes += chunk.len() as u64;
        frames.add(&chunk);
        while let Some(part) = frames
            .next()
            .map_err(|error| Failure::Incomplete(error.to_string()))?
        {
            match &part {
                Part::Context { name, commits } => {
                    context = format!("{name}, {}", counted(*commits, "commit"));
                }
                Part::File { name, .. } => context.clone_from(name),
                Part::Failed(reason) => {
                    progress.clear();
                    return Err(Failure::Incomplete(reason.clone()));
                }
                Part::End => {
                    progress.clear();
                    return Ok(());
                }
                Part::Keys(_) | Part::Ends(_) => {}
            }
            if parts.send(part).await.is_err() {
                // The writer says why.
                return Ok(());
            }
        }
        if told.elapsed() >= PERIOD {
            told = Instant::now();
            progress.step(format_args!("{} MiB: {context}", bytes >> 20));
        }
    }
}

/// Writes what is received, until there is no more. Blocks.
fn write(directory: &Path, mut parts: mpsc::Receiver<Part>) -> Result<(), Failure> {
    let mut copy = CopyWriter::create(directory, CACHE)?;
    let mut file: Option<(PathBuf, File)> = None;
    let mut is_whole = false;
    while let Some(part) = parts.blocking_recv() {
        match part {
            Part::Context { name, .. } => copy.context(&name)?,
            Part::Keys(keys) => copy.keys(keys)?,
            Part::Ends(ends) => {
                copy.ends(ends);
                is_whole = true;
            }
            Part::File {
                kind,
                name,
                bytes,
                is_whole,
            } => {
                let (path, mut open) = match file.take() {
                    Some(open) => open,
                    None => create(directory, kind, &name)?,
                };
                let failed = |source| file_failure(&path, source);
                open.write_all(&bytes).map_err(failed)?;
                match is_whole {
                    true => open.sync_all().map_err(failed)?,
                    false => file = Some((path, open)),
                }
            }
            Part::Failed(_) | Part::End => {}
        }
    }
    // Why it ended early is said by who receives.
    match is_whole {
        true => Ok(copy.finish()?),
        false => Ok(()),
    }
}

/// Removes the components that are not what their names say, and tells which. Blocks.
fn remove_damaged(components: &Path) -> Result<Vec<VersionDigest>, Failure> {
    let entries = match fs::read_dir(components) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|source| file_failure(components, source))?,
    };
    let mut damaged = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|source| file_failure(components, source))?
            .path();
        let named = path
            .file_stem()
            .and_then(|name| name.to_str()?.parse().ok());
        let Some(digest) = named else { continue };
        let failed = |source| file_failure(&path, source);
        if VersionDigest::of(&fs::read(&path).map_err(failed)?) != digest {
            fs::remove_file(&path).map_err(failed)?;
            damaged.push(digest);
        }
    }
    Ok(damaged)
}

/// A file of a data directory, to be filled.
fn create(directory: &Path, kind: FileKind, name: &str) -> Result<(PathBuf, File), Failure> {
    let path = match kind {
        FileKind::Component => {
            let digest = name.strip_suffix(".wasm");
            let digest = digest.and_then(|digest| digest.parse::<VersionDigest>().ok());
            digest.map(|_| directory.join(COMPONENTS).join(name))
        }
        FileKind::RegistryCopy => KeptCopies::of(directory).file(name),
    };
    let path = path.ok_or_else(|| {
        Failure::Incomplete(format!(
            "it brings a file of the name {}",
            name.escape_debug()
        ))
    })?;
    let store = path.parent().unwrap_or(directory);
    let made = fs::create_dir_all(store).and_then(|()| File::create(&path));
    let file = made.map_err(|source| file_failure(&path, source))?;
    Ok((path, file))
}

fn file_failure(path: &Path, source: io::Error) -> Failure {
    Failure::File {
        file: path.to_owned(),
        source,
    }
}
