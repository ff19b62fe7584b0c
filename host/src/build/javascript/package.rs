use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::engine::Engine;
use crate::build::{Error, Source};

/// An npm package, as much of it as matters for building.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::build) struct Package {
    /// The context's name.
    pub(in crate::build) name: String,
    /// Where it is.
    pub(in crate::build) directory: PathBuf,
    /// The directory of the workspace that it belongs to: what builds it is installed there.
    pub(in crate::build) workspace: PathBuf,
    /// What runs it inside its component.
    pub(super) engine: Engine,
}

#[derive(Deserialize)]
struct Manifest {
    workspaces: Option<serde_json::Value>,
    innkeeper: Option<Ours>,
}

/// What a package says to us.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Ours {
    engine: Engine,
}

impl Package {
    /// Reads the package's package.json and finds its workspace: the nearest directory upwards that declares one, else its own.
    pub(in crate::build) fn read(source: &Source) -> Result<Self, Error> {
        let directory =
            std::path::absolute(&source.package).map_err(Error::file(&source.package))?;
        let Manifest { innkeeper, .. } = read(&directory.join("package.json"))?;
        let mut workspace = directory.clone();
        for ancestor in directory.ancestors().skip(1) {
            let path = ancestor.join("package.json");
            if path.is_file() && read(&path)?.workspaces.is_some() {
                workspace = ancestor.into();
                break;
            }
        }
        Ok(Self {
            name: source.name.clone(),
            directory,
            workspace,
            engine: innkeeper.unwrap_or_default().engine,
        })
    }

    /// Where what is made on the way to its component is, below a target directory.
    pub(in crate::build) fn work(&self, target: &Path) -> PathBuf {
        target.join("javascript").join(&self.name)
    }

    /// A file of what is installed in its workspace.
    pub(super) fn installed(&self, file: &str) -> PathBuf {
        self.workspace.join("node_modules").join(file)
    }
}

fn read(path: &Path) -> Result<Manifest, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
    serde_json::from_str(&text).map_err(|error| Error::Manifest {
        path: path.into(),
        reason: error.to_string(),
    })
}
