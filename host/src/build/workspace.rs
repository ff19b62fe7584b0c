use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Error, Source};
use crate::core::ContextName;

/// A package, as much of it as matters for building.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// The context's name.
    pub(super) name: ContextName,
    /// What cargo calls the package: its name alone may also be that of a dependency.
    pub(super) cargo_id: String,
    /// The name of the file that cargo makes, without its ending.
    pub(super) module: String,
    /// The directory of the workspace that it belongs to.
    pub(super) workspace: PathBuf,
    /// Whether it is a library for others, too: for tests of several contexts.
    pub(super) is_library: bool,
}

#[derive(Deserialize)]
struct Manifest {
    package: Option<Named>,
    lib: Option<Library>,
    workspace: Option<toml::Table>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    /// A text, or that it is the workspace's.
    version: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Library {
    name: Option<String>,
    #[serde(default)]
    crate_type: Vec<String>,
}

impl Package {
    /// Reads the package's Cargo.toml and finds its workspace: the nearest directory upwards that declares one, else its own.
    pub(super) fn read(source: &Source) -> Result<Self, Error> {
        let directory =
            std::path::absolute(&source.package).map_err(Error::file(&source.package))?;
        let path = directory.join("Cargo.toml");
        let manifest = read(&path)?;
        let Some(Named {
            name: cargo_name,
            version,
        }) = manifest.package
        else {
            return Err(Error::Manifest {
                path,
                reason: "it has no [package]".into(),
            });
        };
        let is_library = manifest.lib.as_ref().is_some_and(|lib| {
            let is_rust = |name: &String| name == "lib" || name == "rlib";
            lib.crate_type.iter().any(is_rust)
        });
        let module = manifest
            .lib
            .and_then(|lib| lib.name)
            .unwrap_or_else(|| cargo_name.replace('-', "_"));
        let (mut workspace, mut inherited) = (directory.clone(), None);
        for ancestor in directory.ancestors() {
            let path = ancestor.join("Cargo.toml");
            if path.is_file()
                && let Some(declared) = read(&path)?.workspace
            {
                inherited = version_in(&declared);
                workspace = ancestor.into();
                break;
            }
        }
        let version = match version {
            None => Some("0.0.0".to_owned()),
            Some(toml::Value::String(version)) => Some(version),
            Some(_) => inherited,
        };
        Ok(Self {
            name: source.name.clone(),
            cargo_id: match version {
                Some(version) => format!("{cargo_name}@{version}"),
                None => cargo_name,
            },
            module,
            workspace,
            is_library,
        })
    }
}

/// The version that a workspace has for its members.
fn version_in(workspace: &toml::Table) -> Option<String> {
    let version = workspace.get("package")?.get("version")?;
    version.as_str().map(str::to_owned)
}

fn read(path: &Path) -> Result<Manifest, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
    toml::from_str(&text).map_err(|error| Error::Manifest {
        path: path.into(),
        reason: error.message().into(),
    })
}
