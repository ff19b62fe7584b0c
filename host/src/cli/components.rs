//! Where the contexts' components come from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::failure::Failure;
use crate::build::{self, Options, Source};
use crate::core::{ContextName, nearest};
use crate::manifest::{ContextSettings, Manifest};

/// The contexts that are built from a package.
pub(super) fn sources(manifest: &Manifest) -> Vec<Source> {
    let source = |(name, context): (&ContextName, &ContextSettings)| {
        Some(Source {
            name: name.clone(),
            package: context.package.clone()?,
        })
    };
    manifest.contexts.iter().filter_map(source).collect()
}

/// Those of them that are asked for: all, or the one of this name.
pub(super) fn chosen(manifest: &Manifest, context: Option<&str>) -> Result<Vec<Source>, Failure> {
    let mut sources = sources(manifest);
    let Some(context) = context else {
        return Ok(sources);
    };
    if !manifest.contexts.contains_key(context) {
        let nearest = nearest::suggestion(context, manifest.contexts.keys());
        return Err(Failure::Usage(format!(
            "the app has no context `{context}`{nearest}"
        )));
    }
    sources.retain(|source| source.name == context);
    match sources.is_empty() {
        true => Err(Failure::Usage(format!(
            "context `{context}` is not built from a package here: its manifest names a component"
        ))),
        false => Ok(sources),
    }
}

/// The component file of each context that has one here: the manifest's, or what is built from its package. Those in registries are not fetched by this.
pub(super) fn files(
    manifest: &Manifest,
    options: &Options,
) -> Result<BTreeMap<ContextName, PathBuf>, Failure> {
    let given = |(name, context): (&ContextName, &ContextSettings)| {
        let file = context.component.as_ref()?.file()?;
        Some((name.clone(), file.to_owned()))
    };
    let mut files: BTreeMap<_, _> = manifest.contexts.iter().filter_map(given).collect();
    for source in sources(manifest) {
        let file = build::component_path(&source, options)?;
        files.insert(source.name, file);
    }
    Ok(files)
}
