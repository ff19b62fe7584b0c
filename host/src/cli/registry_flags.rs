//! The flags of commands that talk to a registry.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::app_flags::AppFlags;
use super::candidates;
use super::failure::Failure;
use crate::core::{NAME_RULE, check_name};
use crate::manifest::{Manifest, OciReference, UploadSettings};
use crate::registry::{Addressee, Registries};

/// How long a command waits for a component, from a mirror or from the registry.
pub(super) const FETCHING: Duration = Duration::from_secs(600);

/// How registries are spoken to, and for whom a component is signed.
#[derive(Args, Clone, Debug)]
pub(super) struct RegistryFlags {
    /// The app's manifest, whose [registry."..."] say how registries are spoken to
    #[arg(long, value_name = "FILE", env = "INNKEEPER_APP", default_value = AppFlags::DEFAULT)]
    app: PathBuf,
    /// The context that the signature is for [default: any; who pushes a signature says it]
    #[arg(long, value_parser = name, add = ArgValueCandidates::new(candidates::contexts))]
    context: Option<String>,
    /// The app that it is for, where its manifest is not at hand
    #[arg(long, value_name = "NAME", value_parser = name, requires = "context")]
    app_name: Option<String>,
    /// Speak plain HTTP with the registry, also with a password
    #[arg(long)]
    pub plain_http: bool,
}

impl RegistryFlags {
    /// The app's manifest, if one is here or is named.
    pub fn manifest(&self) -> Result<Option<Manifest>, Failure> {
        let is_named = self.app != Path::new(AppFlags::DEFAULT);
        match is_named || self.app.exists() {
            true => Ok(Some(Manifest::load(&self.app)?)),
            false => Ok(None),
        }
    }

    /// For whom a component is signed. An app is only said with a context: a signature is for both.
    pub fn addressee(&self, manifest: Option<&Manifest>) -> Addressee {
        match &self.context {
            Some(context) => Addressee {
                app: self.app_name.clone().or_else(|| app_of(manifest)),
                context: Some(context.clone()),
            },
            None => Addressee::default(),
        }
    }
}

/// The name of the app, where its manifest is a file.
pub(super) fn app_of(manifest: Option<&Manifest>) -> Option<String> {
    let manifest = manifest.filter(|manifest| manifest.file.is_some())?;
    Some(manifest.app.name.clone())
}

/// The registries, as the manifest has them, and one with which plain HTTP is spoken on demand.
pub(super) fn registries(
    manifest: Option<&Manifest>,
    reference: &OciReference,
    plain_http: bool,
) -> Registries {
    let settings = manifest.map(|manifest| manifest.registries.clone());
    let mut settings = settings.unwrap_or_default();
    if plain_http {
        let registry = settings.entry(reference.registry.clone()).or_default();
        registry.plain_http = true;
    }
    Registries::new(settings)
}

/// How big a component may be, in bytes.
pub(super) fn largest(manifest: Option<&Manifest>) -> u64 {
    let said = manifest.map(|manifest| manifest.rollout.max_size);
    said.unwrap_or_else(|| UploadSettings::default().max_size)
}

/// The name of a context or of an app; what is there instead is said beside it.
pub(super) fn name(text: &str) -> Result<String, String> {
    let named = check_name(text).map(|()| text.to_owned());
    named.map_err(|_| NAME_RULE.to_owned())
}
