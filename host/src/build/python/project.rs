use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::BUILDER;
use super::requirements::REQUIREMENTS;
use crate::build::{Error, Source};
use crate::core::ContextName;

/// What says of a context what it is.
const MANIFEST: &str = "pyproject.toml";

/// A project in Python, as much of it as matters for building.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::build) struct Project {
    /// The context's name.
    pub(in crate::build) name: ContextName,
    /// Where it is.
    pub(in crate::build) directory: PathBuf,
    /// The directory of the workspace that it belongs to: what builds it is installed there, and the SDK is in it.
    pub(in crate::build) workspace: PathBuf,
}

#[derive(Deserialize)]
struct Manifest {
    tool: Option<Tool>,
}

#[derive(Deserialize)]
struct Tool {
    innkeeper: Option<Ours>,
}

#[derive(Deserialize)]
struct Ours {
    workspace: Option<PathBuf>,
}

impl Project {
    /// Reads the project's pyproject.toml and finds its workspace: the directory that it names, else the nearest one upwards with a requirements.txt and the SDK.
    pub(in crate::build) fn read(source: &Source) -> Result<Self, Error> {
        let directory =
            std::path::absolute(&source.package).map_err(Error::file(&source.package))?;
        let path = directory.join(MANIFEST);
        let text = std::fs::read_to_string(&path).map_err(Error::file(&path))?;
        let manifest: Manifest = toml::from_str(&text).map_err(|error| Error::Manifest {
            path,
            reason: error.message().into(),
        })?;
        let ours = manifest.tool.and_then(|tool| tool.innkeeper);
        let named = ours.and_then(|ours| ours.workspace);
        let context = source.name.to_string();
        let workspace = match named {
            Some(named) => match named_from(&directory, &named) {
                path if is_workspace(&path) => path,
                path => return Err(Error::OtherPythonWorkspace { context, path }),
            },
            None => {
                let mut above = directory.ancestors();
                let found = above.find(|ancestor| is_workspace(ancestor));
                let missing = || Error::NoPythonWorkspace {
                    context,
                    path: directory.clone(),
                };
                found.ok_or_else(missing)?.to_owned()
            }
        };
        Ok(Self {
            name: source.name.clone(),
            workspace,
            directory,
        })
    }

    /// Where what is made on the way to its component is, below a target directory.
    pub(in crate::build) fn work(&self, target: &Path) -> PathBuf {
        target.join("python").join(self.name.as_str())
    }
}

/// Whether a directory has both. A list of requirements alone is in many a folder.
fn is_workspace(directory: &Path) -> bool {
    [REQUIREMENTS, BUILDER]
        .iter()
        .all(|file| directory.join(file).is_file())
}

/// A directory that a project names, without the steps up in it.
fn named_from(directory: &Path, named: &Path) -> PathBuf {
    let mut found = directory.to_owned();
    for part in named.components() {
        match part {
            std::path::Component::ParentDir => {
                found.pop();
            }
            std::path::Component::CurDir => {}
            other => found.push(other),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_workspace_is_the_one_that_it_names_or_the_nearest() {
        let home = tempfile::tempdir().unwrap();
        let package = home.path().join("app/python/notes");
        std::fs::create_dir_all(&package).unwrap();
        let source = Source {
            name: "notes".into(),
            package: package.clone(),
        };
        let manifest = |text: &str| std::fs::write(package.join(MANIFEST), text).unwrap();
        manifest("[project]\nname = \"notes\"\n");
        let lacking = Project::read(&source).unwrap_err().to_string();
        assert!(lacking.contains("context notes: neither"), "{lacking}");
        let requirements = |folder: &str| {
            let folder = home.path().join(folder);
            let tools = folder.join(BUILDER);
            std::fs::create_dir_all(tools.parent().unwrap()).unwrap();
            std::fs::write(tools, "").unwrap();
            std::fs::write(folder.join(REQUIREMENTS), "").unwrap();
            folder
        };
        // A list of its own makes no workspace of a context.
        std::fs::write(package.join(REQUIREMENTS), "").unwrap();
        let nearest = requirements("app/python");
        assert_eq!(Project::read(&source).unwrap().workspace, nearest);
        manifest("[tool.innkeeper]\nworkspace = \"../../../elsewhere/python\"\n");
        let other = Project::read(&source).unwrap_err().to_string();
        assert!(
            other.contains("names /") && other.contains("/elsewhere/python, which"),
            "{other}"
        );
        let named = requirements("elsewhere/python");
        assert_eq!(Project::read(&source).unwrap().workspace, named);
        manifest("[tool\n");
        assert!(matches!(
            Project::read(&source),
            Err(Error::Manifest { .. })
        ));
    }
}
