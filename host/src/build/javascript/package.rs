use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::engine::Engine;
use crate::build::{Error, Source};
use crate::core::ContextName;

/// An npm package, as much of it as matters for building.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::build) struct Package {
    /// The context's name.
    pub(in crate::build) name: ContextName,
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
        target.join("javascript").join(self.name.as_str())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(manifest: &str) -> Result<Engine, String> {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("package.json"), manifest).unwrap();
        let source = Source {
            name: "notes".into(),
            package: home.path().into(),
        };
        let read = Package::read(&source);
        read.map(|package| package.engine)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_package_says_which_engine_its_component_has() {
        for (manifest, wanted) in [
            (r#"{"name": "notes"}"#, Engine::QuickJs),
            (r#"{"innkeeper": {}}"#, Engine::QuickJs),
            (r#"{"innkeeper": {"engine": "quickjs"}}"#, Engine::QuickJs),
            (
                r#"{"innkeeper": {"engine": "starlingmonkey"}}"#,
                Engine::StarlingMonkey,
            ),
        ] {
            assert_eq!(engine(manifest), Ok(wanted), "{manifest}");
        }
        for (manifest, said) in [
            (
                r#"{"innkeeper": {"engine": "v8"}}"#,
                "unknown variant `v8`, expected `quickjs` or `starlingmonkey`",
            ),
            (
                r#"{"innkeeper": {"engin": "quickjs"}}"#,
                "unknown field `engin`, expected `engine`",
            ),
        ] {
            let error = engine(manifest).unwrap_err();
            assert!(
                error.contains(said) && error.contains("package.json"),
                "{error}"
            );
        }
    }
}
