use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::build::{Error, Source};

/// What names all that builds and tests the contexts of a workspace.
pub(in crate::build) const REQUIREMENTS: &str = "requirements.txt";
/// What says of a context what it is.
const MANIFEST: &str = "pyproject.toml";

/// A project in Python, as much of it as matters for building.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::build) struct Project {
    /// The context's name.
    pub(in crate::build) name: String,
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
    /// Reads the project's pyproject.toml and finds its workspace: the directory that it names, else the nearest one upwards with a requirements.txt.
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
        let is_workspace = |directory: &Path| directory.join(REQUIREMENTS).is_file();
        let workspace = match named {
            Some(named) => Some(named_from(&directory, &named)).filter(|path| is_workspace(path)),
            None => {
                let mut above = directory.ancestors().map(Path::to_path_buf);
                above.find(|ancestor| is_workspace(ancestor))
            }
        };
        let missing = || Error::NoRequirements {
            context: source.name.clone(),
            path: directory.clone(),
        };
        Ok(Self {
            name: source.name.clone(),
            workspace: workspace.ok_or_else(missing)?,
            directory,
        })
    }

    /// Where what is made on the way to its component is, below a target directory.
    pub(in crate::build) fn work(&self, target: &Path) -> PathBuf {
        target.join("python").join(&self.name)
    }
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
        assert!(
            lacking.contains("context notes: there is no requirements.txt"),
            "{lacking}"
        );
        let requirements = |folder: &str| {
            let folder = home.path().join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(REQUIREMENTS), "").unwrap();
            folder
        };
        let nearest = requirements("app/python");
        assert_eq!(Project::read(&source).unwrap().workspace, nearest);
        manifest("[tool.innkeeper]\nworkspace = \"../../../elsewhere/python\"\n");
        assert!(matches!(
            Project::read(&source),
            Err(Error::NoRequirements { .. })
        ));
        let named = requirements("elsewhere/python");
        assert_eq!(Project::read(&source).unwrap().workspace, named);
        manifest("[tool\n");
        assert!(matches!(
            Project::read(&source),
            Err(Error::Manifest { .. })
        ));
    }
}
