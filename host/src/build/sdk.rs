//! Where an app has the SDK for Rust from: a copy of its own, a folder that it shares with others, or a registry.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use super::Error;
use super::embedded::RUST;

/// The name of its package.
const PACKAGE: &str = "innkeeper-sdk";
/// The contexts' workspace, below the app, which says where the SDK is.
pub(super) const WORKSPACE: &str = "components/Cargo.toml";
/// Where the workspace is.
const FOLDER: &str = "components";

/// Where the SDK is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sdk {
    /// The app has a copy.
    Copy,
    /// A folder with the package, as it is named in the workspace, or by whoever asks for it.
    Folder(PathBuf),
    /// This version, from a registry.
    Version(String),
    /// From elsewhere, such as a git repository, as the author has written it.
    Other,
}

impl Sdk {
    /// Reads what somebody asks for: `copy`, a version such as `0.4.0`, or a folder.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let is_version = text.starts_with(|first: char| first.is_ascii_digit())
            && text.contains('.')
            && !text.contains(['/', '\\']);
        match text {
            "copy" => Self::Copy,
            version if is_version => Self::Version(version.into()),
            folder => Self::Folder(folder.into()),
        }
    }

    /// What an app's workspace says; none where there is no workspace, or it says nothing of the SDK.
    ///
    /// # Errors
    /// When the workspace cannot be read.
    pub fn of(app: &Path) -> Result<Option<Self>, Error> {
        let file = app.join(WORKSPACE);
        if !file.is_file() {
            return Ok(None);
        }
        let workspace = manifest(&file)?;
        let dependency = workspace
            .get("workspace")
            .and_then(|workspace| workspace.get("dependencies"))
            .and_then(|dependencies| dependencies.get(PACKAGE));
        let Some(dependency) = dependency else {
            return Ok(None);
        };
        let named = |key: &str| dependency.get(key).and_then(toml::Value::as_str);
        if named("git").is_some() || named("registry").is_some() {
            return Ok(Some(Self::Other));
        }
        Ok(
            match (named("path"), named("version").or(dependency.as_str())) {
                (Some("sdk"), _) => Some(Self::Copy),
                (Some(folder), _) => Some(Self::Folder(folder.into())),
                (None, Some(version)) => {
                    Some(Self::Version(version.trim_start_matches('=').into()))
                }
                (None, None) => Some(Self::Other),
            },
        )
    }

    /// As the workspace of an app names it, once it is known to be there and to be for the contract that this binary knows.
    ///
    /// # Errors
    /// When there is no such SDK, or it is for another contract.
    pub(super) fn checked(&self, app: &Path) -> Result<Self, Error> {
        match self {
            Self::Copy | Self::Other => Ok(self.clone()),
            Self::Version(version) => {
                self.is_for_this_contract(version)?;
                Ok(self.clone())
            }
            Self::Folder(folder) => {
                let version = self.version_in(folder)?;
                self.is_for_this_contract(&version)?;
                let real = folder.canonicalize().map_err(Error::file(folder))?;
                let from = existing(&app.join(FOLDER))?;
                let way = relative(&from, &real);
                Ok(match folder.is_absolute() {
                    _ if way == Path::new("sdk") => Self::Copy,
                    true => self.clone(),
                    false => Self::Folder(way),
                })
            }
        }
    }

    /// The version of the SDK in a folder.
    fn version_in(&self, folder: &Path) -> Result<String, Error> {
        let file = folder.join("Cargo.toml");
        let refused = |reason: &str| Error::Sdk {
            sdk: self.to_string(),
            reason: reason.into(),
        };
        if !file.is_file() {
            return Err(refused(
                "there is no Cargo.toml in it: name the folder `components/sdk` of Innkeeper's repository or of another app, or a version such as 0.4.0",
            ));
        }
        let package = manifest(&file)?;
        let package = package.get("package");
        let text = |key: &str| {
            let value = package.and_then(|package| package.get(key));
            value.and_then(toml::Value::as_str)
        };
        match (text("name"), text("version")) {
            (Some(PACKAGE), Some(version)) => Ok(version.into()),
            (name, _) => Err(refused(&format!(
                "it has the package {}, and not {PACKAGE}",
                name.unwrap_or("without a name")
            ))),
        }
    }

    fn is_for_this_contract(&self, version: &str) -> Result<(), Error> {
        let own = own_version();
        let minor = |version: &str| {
            let mut parts = version.split('.').map(str::to_owned);
            (parts.next(), parts.next())
        };
        match minor(version) == minor(own) {
            true => Ok(()),
            false => Err(Error::Sdk {
                sdk: self.to_string(),
                reason: format!(
                    "it is version {version}, and this binary runs what is built with {own}: of both the first two numbers are the contract's, and must be the same"
                ),
            }),
        }
    }

    /// The workspace of an app, with the SDK from here.
    ///
    /// # Errors
    /// When the workspace does not say in one line where the SDK is from.
    pub(super) fn written_into(&self, workspace: &str) -> Result<String, Error> {
        let Some(dependency) = self.dependency() else {
            return Ok(workspace.into());
        };
        let is_it = |line: &str| {
            let mut sides = line.splitn(2, '=');
            sides.next().is_some_and(|name| name.trim() == PACKAGE) && sides.next().is_some()
        };
        let refused = |why: String| Error::Manifest {
            path: WORKSPACE.into(),
            reason: format!("{why}: write there by hand `{dependency}`"),
        };
        let mut lines: Vec<&str> = workspace.split_inclusive('\n').collect();
        let Some(line) = lines.iter_mut().find(|line| is_it(line)) else {
            return Err(refused(format!("no line of it begins with `{PACKAGE} =`")));
        };
        if let Some(more) = says_more(line) {
            return Err(refused(format!("its `{PACKAGE}` has `{more}`, too")));
        }
        let (end, dependency) = (line.trim_end().len(), dependency.as_str());
        let ending = line.split_at(end).1;
        let replaced = format!("{dependency}{ending}");
        *line = &replaced;
        let text = lines.concat();
        let (with, without) = (
            "the SDK and one package per context",
            "one package per context",
        );
        Ok(match self {
            Self::Copy if !text.contains(with) => text.replacen(without, with, 1),
            Self::Copy => text,
            _ => text.replacen(with, without, 1),
        })
    }

    /// The line of the workspace.
    fn dependency(&self) -> Option<String> {
        let text = |text: String| toml::Value::String(text);
        match self {
            Self::Copy => Some(format!("{PACKAGE} = {{ path = \"sdk\" }}")),
            Self::Folder(folder) => {
                let folder = text(folder.display().to_string());
                Some(format!("{PACKAGE} = {{ path = {folder} }}"))
            }
            Self::Version(version) => Some(format!("{PACKAGE} = {}", text(format!("={version}")))),
            Self::Other => None,
        }
    }
}

/// What a line says of its dependency besides where that is from.
fn says_more(line: &str) -> Option<String> {
    let said: toml::Table = line.parse().ok()?;
    let mut keys = said.get(PACKAGE)?.as_table()?.keys();
    keys.find(|key| !["path", "version"].contains(&key.as_str()))
        .cloned()
}

impl fmt::Display for Sdk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copy => write!(f, "the app's copy in {}", RUST.sdk.trim_end_matches('/')),
            Self::Folder(folder) => write!(f, "the SDK in {}", folder.display()),
            Self::Version(version) => write!(f, "{PACKAGE} {version}"),
            Self::Other => f.write_str("an SDK from elsewhere"),
        }
    }
}

/// The version of the SDK that this binary brings.
pub(super) fn own_version() -> &'static str {
    let mut files = RUST.files.iter();
    let text = files.find(|(path, _)| *path == RUST.manifest);
    let mut lines = text.into_iter().flat_map(|(_, text)| text.lines());
    let version = lines.find_map(|line| line.strip_prefix("version = \""));
    version.map_or("", |version| version.trim_end_matches('"'))
}

fn manifest(file: &Path) -> Result<toml::Table, Error> {
    let text = std::fs::read_to_string(file).map_err(Error::file(file))?;
    text.parse()
        .map_err(|error: toml::de::Error| Error::Manifest {
            path: file.into(),
            reason: error.message().into(),
        })
}

/// A folder that may have to be made yet, without links on the way to it.
fn existing(folder: &Path) -> Result<PathBuf, Error> {
    let folder = std::path::absolute(folder).map_err(Error::file(folder))?;
    let mut ancestors = folder.ancestors();
    let found = ancestors.find_map(|ancestor| Some((ancestor, ancestor.canonicalize().ok()?)));
    Ok(match found {
        Some((ancestor, real)) => match folder.strip_prefix(ancestor) {
            Ok(rest) if rest.as_os_str().is_empty() => real,
            Ok(rest) => real.join(rest),
            Err(_) => folder.clone(),
        },
        None => folder.clone(),
    })
}

/// The way from one folder to another.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let common = from.components().zip(to.components());
    let common = common.take_while(|(one, other)| one == other).count();
    let up = from.components().skip(common);
    let up = up.map(|_| Component::ParentDir.as_os_str());
    let down = to.components().skip(common).map(Component::as_os_str);
    let way: Vec<&OsStr> = up.chain(down).collect();
    way.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_a_folder_and_a_copy_are_told_apart() {
        for (text, sdk) in [
            ("copy", Sdk::Copy),
            ("0.4.0", Sdk::Version("0.4.0".into())),
            ("0.3", Sdk::Version("0.3".into())),
            ("./0.3", Sdk::Folder("./0.3".into())),
            (
                "../innkeeper/components/sdk",
                Sdk::Folder("../innkeeper/components/sdk".into()),
            ),
            ("sdk", Sdk::Folder("sdk".into())),
        ] {
            assert_eq!(Sdk::read(text), sdk, "{text}");
        }
    }

    #[test]
    fn the_way_to_a_folder_is_written_so_that_both_can_move_together() {
        for (from, to, way) in [
            ("/a/app/components", "/a/sdk", "../../sdk"),
            ("/a/app/components", "/a/app/components/sdk", "sdk"),
            ("/b/components", "/a/sdk", "../../a/sdk"),
        ] {
            assert_eq!(relative(Path::new(from), Path::new(to)), Path::new(way));
        }
    }

    #[test]
    fn the_workspace_names_it_in_one_line() {
        let files = RUST.files.iter();
        let mut workspace = files.filter(|(path, _)| *path == WORKSPACE);
        let (_, copy) = workspace.next().unwrap();
        let pinned = Sdk::Version("0.3.1".into()).written_into(copy).unwrap();
        assert!(
            pinned.contains("\ninnkeeper-sdk = \"=0.3.1\"\n"),
            "{pinned}"
        );
        let folder = Sdk::Folder("../../sdk".into())
            .written_into(&pinned)
            .unwrap();
        assert!(
            folder.contains("\ninnkeeper-sdk = { path = \"../../sdk\" }\n"),
            "{folder}"
        );
        assert_eq!(Sdk::Copy.written_into(&folder).unwrap(), *copy);
        let commented = format!("# innkeeper-sdk = {{ path = \"sdk\" }}\n{copy}");
        let other = Sdk::Version("0.3.1".into()).written_into(&commented);
        assert_eq!(Sdk::Copy.written_into(&other.unwrap()).unwrap(), commented);
        let more = "innkeeper-sdk = { path = \"sdk\", features = [\"x\"] }\n";
        let refused = Sdk::Copy.written_into(more).unwrap_err();
        assert!(
            refused.to_string().contains("has `features`, too"),
            "{refused}"
        );
        let refused = Sdk::Copy.written_into("[workspace]\n").unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("innkeeper-sdk = { path = \"sdk\" }"),
            "{refused}"
        );
    }

    #[test]
    fn an_sdk_for_another_contract_or_none_at_all_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let folder = Sdk::Folder(home.path().into());
        let said = |sdk: &Sdk| sdk.checked(home.path()).unwrap_err().to_string();
        assert!(
            said(&folder).contains("there is no Cargo.toml in it"),
            "{}",
            said(&folder)
        );
        let manifest = home.path().join("Cargo.toml");
        std::fs::write(
            &manifest,
            "[package]\nname = \"serde\"\nversion = \"1.0.0\"\n",
        )
        .unwrap();
        assert!(
            said(&folder).contains("it has the package serde"),
            "{}",
            said(&folder)
        );
        std::fs::write(
            &manifest,
            "[package]\nname = \"innkeeper-sdk\"\nversion = \"0.1.0\"\n",
        )
        .unwrap();
        for sdk in [folder, Sdk::Version("0.1.0".into())] {
            assert!(said(&sdk).contains("it is version 0.1.0"), "{}", said(&sdk));
        }
        let own = Sdk::Version(own_version().into());
        assert_eq!(own.checked(home.path()).unwrap(), own);
    }
}
