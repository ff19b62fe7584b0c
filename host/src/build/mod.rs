//! Building contexts: a package becomes a component. One of cargo by way of a core module, one of npm or Python by what the SDK for its language brings.
//!
//! Knows nothing of the manifest or of running guests: packages in, component files out.

mod builder;
mod cargo;
mod component;
mod embedded;
mod error;
mod follows;
mod inputs;
mod interfaces;
mod javascript;
mod lock;
mod outline;
mod packaging;
mod profile;
mod program;
mod python;
mod sdk;
mod template;
mod toolchain;
mod upgrade;
mod workspace;
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use builder::Builder;
pub use component::componentize;
pub use error::Error;
pub use follows::Followed;
pub use inputs::inputs;
pub use interfaces::{Called, Offered};
pub use outline::Outline;
pub use profile::Profile;
pub use sdk::Sdk;
pub use template::{Created, Language, new_app, new_context};
pub use upgrade::{Step, Upgrade};
pub use world::{World, world};

use crate::core::ContextName;
use packaging::{ByPackaging, Packaging};
use workspace::Package;

/// A context to build from a package of cargo, npm or Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The context's name, which is also the component file's.
    pub name: ContextName,
    /// The directory of its package.
    pub package: PathBuf,
}

/// How to build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Where is built; without it the directory `target` of the package's workspace.
    ///
    /// `CARGO_TARGET_DIR` is not used: two workspaces that build packages of one name into one directory would get each other's.
    pub target_directory: Option<PathBuf>,
    /// What is more important: how fast the component runs, or how soon it is there.
    pub profile: Profile,
}

impl Options {
    fn target(&self, workspace: &Path) -> PathBuf {
        let own = || workspace.join("target");
        self.target_directory.clone().unwrap_or_else(own)
    }
}

/// A built component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The context's name.
    pub name: ContextName,
    /// The component's file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it differs from what the file held before.
    pub changed: bool,
}

/// What a build is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// These contexts begin to be built.
    Compiling {
        /// Their workspace.
        workspace: &'a Path,
        /// How many there are.
        contexts: usize,
    },
    /// A line of what builds them, for example which crate is compiled.
    Line(&'a str),
    /// A component is ready.
    Ready(&'a Built),
}

/// Builds the components of these contexts, each in the file that [`component_path`] names. A file that would not change is left alone.
///
/// # Errors
/// When a package cannot be read, what its language is built with is missing, or a package does not compile.
pub async fn build(
    sources: &[Source],
    options: &Options,
    progress: impl Fn(Progress<'_>) + Send + Sync,
) -> Result<Vec<Built>, Error> {
    let mut built = Vec::with_capacity(sources.len());
    let by = ByPackaging::of(sources)?;
    for (workspace, packages) in by_workspace(&by.cargo)? {
        progress(Progress::Compiling {
            workspace: &workspace,
            contexts: packages.len(),
        });
        let target = options.target(&workspace);
        let profile = options.profile;
        cargo::build(&workspace, &target, profile, &packages, |line| {
            progress(Progress::Line(line))
        })
        .await?;
        for package in packages {
            let module = component::module(&target, profile, &package);
            let module = module.with_added_extension("wasm");
            let component = component::write(package.name, module, target.clone(), profile).await?;
            progress(Progress::Ready(&component));
            built.push(component);
        }
    }
    for source in by.npm {
        let package = javascript::Package::read(source)?;
        progress(Progress::Compiling {
            workspace: &package.workspace,
            contexts: 1,
        });
        let made = javascript::build(&package, options, |line| progress(Progress::Line(line)));
        let (made, target) = (made.await?, options.target(&package.workspace));
        let file = made.file.clone();
        let component = component::write(package.name, file, target, options.profile).await?;
        drop(made);
        progress(Progress::Ready(&component));
        built.push(component);
    }
    for source in by.python {
        let project = python::Project::read(source)?;
        progress(Progress::Compiling {
            workspace: &project.workspace,
            contexts: 1,
        });
        let made = python::build(&project, options, |line| progress(Progress::Line(line)));
        let (made, target) = (made.await?, options.target(&project.workspace));
        let file = made.file.clone();
        let component = component::write(project.name, file, target, options.profile).await?;
        drop(made);
        progress(Progress::Ready(&component));
        built.push(component);
    }
    Ok(built)
}

/// Runs the own tests of these contexts, with what their language has for that. What it prints goes where this program prints; each line of what has to be installed
/// first is told.
///
/// # Errors
/// When a package cannot be read, or a test fails.
pub async fn test(sources: &[Source], line: impl Fn(&str) + Send + Sync) -> Result<(), Error> {
    let by = ByPackaging::of(sources)?;
    for source in by.npm {
        javascript::test(source, &line).await?;
    }
    for source in by.python {
        python::test(source, &line).await?;
    }
    for (workspace, packages) in by_workspace(&by.cargo)? {
        cargo::test(&workspace, &packages).await?;
    }
    Ok(())
}

/// Looks for what does not survive that an invocation is run again, as the lists in `clippy.toml` of the contexts' workspace name it. False when there is no clippy
/// that could look. Contexts in JavaScript and Python have nothing of the kind: their clock and their random numbers are the
/// invocation's.
///
/// # Errors
/// When a package cannot be read, or something was found.
pub async fn lint(sources: &[Source]) -> Result<bool, Error> {
    let mut all = true;
    for (workspace, packages) in by_workspace(&ByPackaging::of(sources)?.cargo)? {
        all &= cargo::lint(&workspace, &packages).await?;
    }
    Ok(all)
}

/// The packages of these contexts: cargo is run once for each workspace.
fn by_workspace(sources: &[&Source]) -> Result<BTreeMap<PathBuf, Vec<Package>>, Error> {
    let mut workspaces: BTreeMap<PathBuf, Vec<Package>> = BTreeMap::new();
    for source in sources {
        let package = Package::read(source)?;
        let workspace = workspaces.entry(package.workspace.clone());
        workspace.or_default().push(package);
    }
    Ok(workspaces)
}

/// Where [`build`] puts the component of a context: `<target directory>/innkeeper/<name>.wasm`, and in `innkeeper/quick` the one that was built quickly.
///
/// # Errors
/// When the package cannot be read.
pub fn component_path(source: &Source, options: &Options) -> Result<PathBuf, Error> {
    let workspace = match Packaging::of(source)? {
        Packaging::Cargo => Package::read(source)?.workspace,
        Packaging::Npm => javascript::Package::read(source)?.workspace,
        Packaging::Python => python::Project::read(source)?.workspace,
    };
    let target = options.target(&workspace);
    Ok(component::file(&target, options.profile, &source.name))
}

#[cfg(test)]
mod tests;
