//! `innkeeper pull`

use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::Failure;
use super::registry_flags::{FETCHING, RegistryFlags, largest, registries};
use super::sought_signatures::sought;
use super::{output, progress::Progress};
use crate::manifest::OciReference;

/// Fetch a component from an OCI registry, with its signature
///
/// Its digest is checked, and nothing is written unless it is right. Prints the reference with the digest of what was fetched.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper pull oci://registry.example/inn/room:1.2
  innkeeper pull oci://registry.example/inn/room:1.2 --context room
  innkeeper pull oci://localhost:5000/room@sha256:... room.wasm --plain-http

Where several signatures are beside it, the newest is written; --context says which context it must be for, and then the newest good one by [rollout.keys] is, where the manifest has some.")]
pub(super) struct Pull {
    /// The component: `oci://<registry>/<repository>`, and `:<tag>` or `@<digest>`
    reference: OciReference,
    /// Where it is written [default: the last part of the repository's name, with `.wasm`]; its signature goes to <FILE>.sig
    file: Option<PathBuf>,
    #[command(flatten)]
    registry: RegistryFlags,
}

impl Pull {
    pub async fn run(self) -> Result<(), Failure> {
        let manifest = self.registry.manifest()?;
        let (manifest, reference) = (manifest.as_ref(), &self.reference);
        let registries = registries(manifest, reference, self.registry.plain_http);
        let sought = sought(manifest, self.registry.addressee(manifest));
        let progress = Progress::new();
        progress.step(format_args!("fetching from {}", reference.registry));
        let pulling = registries.pull(reference, largest(manifest), &sought, FETCHING);
        let pulled = pulling.await;
        progress.clear();
        let pulled = pulled?;
        for note in &pulled.notes {
            output::note(note);
        }
        let by_name = || PathBuf::from(reference.name()).with_added_extension("wasm");
        let file = self.file.clone().unwrap_or_else(by_name);
        let (bytes, place) = (pulled.component.len(), file.display());
        // A signature of what was there before is none of this.
        let signature = file.with_added_extension("sig");
        remove(&signature).await?;
        write(&file, &pulled.component).await?;
        match &pulled.signature {
            Some(text) => {
                write(&signature, format!("{text}\n").as_bytes()).await?;
                let beside = signature.display();
                output::note(format_args!(
                    "{place}: {bytes} bytes, and its signature in {beside}"
                ));
            }
            None => output::note(format_args!("{place}: {bytes} bytes, without a signature")),
        }
        Ok(output::line(reference.pinned(pulled.digest))?)
    }
}

/// Writes a file whole, or not at all.
async fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let partial = file.with_added_extension("partial");
    let failed = |source| Failure::File {
        file: file.to_owned(),
        source,
    };
    tokio::fs::write(&partial, bytes).await.map_err(failed)?;
    tokio::fs::rename(&partial, file).await.map_err(failed)
}

async fn remove(file: &Path) -> Result<(), Failure> {
    match tokio::fs::remove_file(file).await {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(Failure::File {
            file: file.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}
