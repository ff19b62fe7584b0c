//! `innkeeper push`

use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::Failure;
use super::registry_flags::{RegistryFlags, registries};
use super::sought_signatures::Judge;
use super::{output, progress::Progress};
use crate::build;
use crate::core::{Timestamp, VersionDigest};
use crate::manifest::{InvalidReference, Manifest, OciReference};
use crate::registry::{Addressee, Pushing};
use crate::rollout::signature::Signature;

/// Store a component in an OCI registry, with its signature beside it
///
/// A core module is made a component first, as the host does it. Prints the reference with its digest, which is what to deploy. Who pushes is whoever has logged in
/// with `docker login`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper push room.wasm oci://registry.example/inn/room:1.2
  innkeeper push room.wasm oci://registry.example/inn/room:1.2 --context room
  innkeeper push room.wasm oci://localhost:5000/room:1.2 --plain-http

A signature in <FILE>.sig is stored beside it; `innkeeper sign` makes it. --context says whom it is for, as `innkeeper sign` was told; so one component can have several.")]
pub(super) struct Push {
    /// The component, or a core module
    file: PathBuf,
    /// Where it is stored: `oci://<registry>/<repository>:<tag>`
    #[arg(value_parser = target)]
    reference: OciReference,
    /// A file with a signature of it [default: <FILE>.sig, if there is one]
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    #[command(flatten)]
    registry: RegistryFlags,
}

impl Push {
    pub async fn run(self) -> Result<(), Failure> {
        let manifest = self.registry.manifest()?;
        let pushing = self.pushing(manifest.as_ref()).await?;
        let (bytes, is_signed) = (pushing.component.len(), pushing.signature.is_some());
        let plain_http = self.registry.plain_http;
        let registries = registries(manifest.as_ref(), &self.reference, plain_http);
        let progress = Progress::new();
        progress.step(format_args!(
            "sending {bytes} bytes to {}",
            self.reference.registry
        ));
        let pushed = registries.push(&self.reference, pushing).await;
        progress.clear();
        let pinned = self.reference.pinned(pushed?);
        output::note(match is_signed {
            true => "stored, with a signature",
            false => "stored, without a signature",
        });
        Ok(output::line(pinned)?)
    }

    async fn pushing(&self, manifest: Option<&Manifest>) -> Result<Pushing, Failure> {
        let file = self.file.clone();
        let reading = tokio::task::spawn_blocking(move || read(&file));
        let (component, world, created) = reading.await.map_err(|_| Failure::Interrupted)??;
        let title = self.file.file_name().unwrap_or(self.file.as_os_str());
        let signature = self.signature(manifest, &component, created).await?;
        Ok(Pushing {
            component: component.into(),
            title: title.to_string_lossy().into_owned(),
            created,
            world,
            signature,
        })
    }

    /// The signature to store with the component, which was written at some time: good by the manifest's keys, where there are some.
    async fn signature(
        &self,
        manifest: Option<&Manifest>,
        component: &[u8],
        written: Timestamp,
    ) -> Result<Option<(String, Timestamp, Addressee)>, Failure> {
        let Some(text) = signature_beside(&self.file, self.signature.as_deref()).await? else {
            return Ok(None);
        };
        let signature: Signature = text.parse()?;
        let whom = self.registry.addressee(manifest);
        if whom.app.is_none() || whom.context.is_none() {
            return Err(Failure::Usage(
                "there is a signature beside it, which is for one context of one app: say which with --context (and --app-name, where the app's manifest is not here), or move the signature away"
                    .to_owned(),
            ));
        }
        match Judge::new(manifest, &whom) {
            Some(judge) => judge.verify(VersionDigest::of(component), &text)?,
            None if signature.made() < written => output::note(
                "the signature is older than the component's file; where that has changed since, sign it again",
            ),
            None => {}
        }
        Ok(Some((text, signature.made(), whom)))
    }
}

/// The signature in a file that is named, or in the one beside a component, if there is one.
pub(super) async fn signature_beside(
    component: &Path,
    named: Option<&Path>,
) -> Result<Option<String>, Failure> {
    let (file, is_wanted) = match named {
        Some(file) => (file.to_owned(), true),
        None => (component.with_added_extension("sig"), false),
    };
    match tokio::fs::read_to_string(&file).await {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if !is_wanted && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Failure::File { file, source }),
    }
}

/// A component, what it imports and exports, and when its file was written.
fn read(file: &Path) -> Result<(Vec<u8>, build::World, Timestamp), Failure> {
    let failed = |source| Failure::File {
        file: file.to_owned(),
        source,
    };
    let bytes = std::fs::read(file).map_err(failed)?;
    let written = std::fs::metadata(file).and_then(|found| found.modified());
    let name = file.display().to_string();
    let component = build::componentize(&name, bytes)?;
    let world = build::world(&name, &component)?;
    Ok((component, world, Timestamp::from(written.map_err(failed)?)))
}

/// Where something can be stored: under a tag, as its digest is what it has.
fn target(text: &str) -> Result<OciReference, String> {
    let reference: OciReference = text
        .parse()
        .map_err(|error: InvalidReference| error.to_string())?;
    match (&reference.tag, &reference.digest) {
        (Some(_), None) => Ok(reference),
        _ => Err("write a tag and no digest: what is stored has the digest that it has".to_owned()),
    }
}
