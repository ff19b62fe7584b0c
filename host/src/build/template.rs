mod javascript;
mod python;

use std::path::{Path, PathBuf};

use super::Error;
use super::embedded::{self, Kit};
use super::interfaces::Pieces;
use super::outline::Outline;
use super::sdk::{self, Sdk};
use super::upgrade;
use crate::core::check_name;

/// What a new context's package begins with; `__name__` is the context's name.
const PACKAGE: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("template/Cargo.toml.in")),
    ("src/lib.rs", include_str!("template/lib.rs.in")),
    (TESTS, include_str!("template/tests.rs.in")),
];

/// The same, of one that has no sample.
const BARE_PACKAGE: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("template/Cargo.toml.in")),
    ("src/lib.rs", include_str!("template/bare.rs.in")),
    (TESTS, include_str!("template/bare_tests.rs.in")),
];

const TESTS: &str = "src/tests.rs";

const GITIGNORE: &str = "/components/target\n/data\n";

/// What a context is written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// Rust.
    #[default]
    Rust,
    /// JavaScript.
    JavaScript,
    /// TypeScript.
    TypeScript,
    /// Python.
    Python,
}

impl Language {
    /// Where packages in it are, below the app's directory.
    fn folder(self) -> &'static str {
        match self {
            Self::Rust => "components",
            Self::JavaScript | Self::TypeScript => "javascript",
            Self::Python => "python",
        }
    }

    /// What an app has of its SDK.
    fn kit(self) -> &'static Kit {
        match self {
            Self::Rust => &embedded::RUST,
            Self::JavaScript | Self::TypeScript => &embedded::JAVASCRIPT,
            Self::Python => &embedded::PYTHON,
        }
    }
}

/// A context that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The context's name.
    pub name: String,
    /// The app's directory: the one given, or a new one in it.
    pub app: PathBuf,
    /// Whether the app is new too.
    pub new_app: bool,
    /// The context's package.
    pub package: PathBuf,
}

/// Makes a context that builds, runs and is tested.
///
/// When `directory` holds an `innkeeper.toml`, the context is added to that app. Otherwise a new app is made in `directory/<name>`, with a copy of the SDK and
/// the contract that this binary was built with, or the SDK from where it is asked for.
///
/// # Errors
/// When the name cannot be one, something of that name is there, the SDK cannot be had so, or a file cannot be written.
pub fn new_context(
    directory: &Path,
    name: &str,
    language: Language,
    sdk: Option<&Sdk>,
    outline: &Outline,
) -> Result<Created, Error> {
    if !is_name(name) {
        return Err(Error::Name { name: name.into() });
    }
    let new_app = !directory.join("innkeeper.toml").is_file();
    let app = if new_app {
        directory.join(name)
    } else {
        directory.to_owned()
    };
    let package = app.join(language.folder()).join(name);
    let taken = if new_app { &app } else { &package };
    if taken.exists() {
        return Err(Error::Exists {
            path: taken.clone(),
        });
    }
    let manifest = if new_app {
        format!("[app]\nname = \"{name}\"\n")
    } else {
        read(&app.join("innkeeper.toml"))?
    };
    let namespace = check_manifest(&app, name, &manifest)?;
    match language {
        Language::Rust => check_members(&app.join("components/Cargo.toml"), name)?,
        Language::JavaScript | Language::TypeScript => javascript::check(outline)?,
        Language::Python => {}
    }
    let sdk = sdk_for(&app, language, sdk)?;
    let outline = outline.checked(&app, &namespace, &[name.to_owned()])?;
    let pieces = Pieces::of(name, &namespace, &outline)?;

    if new_app {
        write(&app.join(".gitignore"), GITIGNORE)?;
    }
    let kit = language.kit();
    let has_sdk = app.join(kit.sdk).exists();
    for (path, text) in kit.files {
        let file = app.join(path);
        if file.exists() || (sdk != Sdk::Copy && path.starts_with(kit.sdk)) {
            continue;
        }
        match *path {
            sdk::WORKSPACE => write(&file, &sdk.written_into(text)?)?,
            _ => write(&file, text)?,
        }
    }
    if !has_sdk && sdk == Sdk::Copy {
        upgrade::write_checksums(&app, kit)?;
    }
    for offer in &outline.offers {
        write(&app.join(offer.file()), &offer.wit(&namespace))?;
    }
    match language {
        Language::Rust => write_package(&package, name, &outline, &pieces)?,
        Language::JavaScript | Language::TypeScript => {
            javascript::write_package(&app, &package, name, &namespace, language, &outline)?;
        }
        Language::Python => {
            python::write_package(&app, &package, name, &namespace, &outline)?;
        }
    }
    // Last, so that an app never names a context that is not there.
    let manifest = format!(
        "{}\n\n[context.{name}]\npackage = \"{}/{name}\"\n",
        manifest.trim_end(),
        language.folder()
    );
    write(&app.join("innkeeper.toml"), &manifest)?;
    Ok(Created {
        name: name.into(),
        app,
        new_app,
        package,
    })
}

/// Where a new context has the SDK from: where the others of its app have it, or where it was asked for.
fn sdk_for(app: &Path, language: Language, asked: Option<&Sdk>) -> Result<Sdk, Error> {
    if language != Language::Rust {
        return match asked {
            None | Some(Sdk::Copy) => Ok(Sdk::Copy),
            Some(_) => Err(Error::SdkOfRust),
        };
    }
    let asked = asked.map(|asked| asked.checked(app)).transpose()?;
    if !app.join(sdk::WORKSPACE).is_file() {
        return Ok(asked.unwrap_or(Sdk::Copy));
    }
    let has = Sdk::of(app)?;
    match asked {
        Some(asked) if has.as_ref() != Some(&asked) => Err(Error::OtherSdk {
            has: has.map_or_else(|| "no SDK".into(), |has| has.to_string()),
        }),
        _ => Ok(has.unwrap_or(Sdk::Other)),
    }
}

/// Writes a package in Rust.
fn write_package(
    package: &Path,
    name: &str,
    outline: &Outline,
    pieces: &Pieces,
) -> Result<(), Error> {
    let files = match outline.is_bare {
        true => BARE_PACKAGE,
        false => PACKAGE,
    };
    for (path, text) in files {
        let mut text = text.replace("__name__", name);
        for (place, piece) in &pieces.inserted {
            text = text.replace(place, piece);
        }
        if *path == TESTS {
            text.push_str(&pieces.tests);
        }
        write(&package.join(path), &text)?;
    }
    for (path, text) in &pieces.files {
        write(&package.join(path), text)?;
    }
    Ok(())
}

/// Makes an app of several contexts, in `directory/<name>`.
///
/// # Errors
/// When a name cannot be one or comes twice, something of the app's name is there, or a file cannot be written.
pub fn new_app(
    directory: &Path,
    name: &str,
    contexts: &[String],
    language: Language,
    sdk: Option<&Sdk>,
    outline: &Outline,
) -> Result<Vec<Created>, Error> {
    // First all that can be said before anything is written.
    for (place, name) in contexts.iter().enumerate() {
        if !is_name(name) || contexts.iter().skip(place + 1).any(|other| other == name) {
            return Err(Error::Name { name: name.clone() });
        }
    }
    if !is_name(name) {
        return Err(Error::Name { name: name.into() });
    }
    let app = directory.join(name);
    if app.exists() {
        return Err(Error::Exists { path: app });
    }
    outline.checked(&app, name, contexts)?;
    sdk_for(&app, language, sdk)?;
    // Who offers is made before who calls it.
    let mut contexts: Vec<&String> = contexts.iter().collect();
    contexts.sort_by_key(|context| outline.of(context).offers.is_empty());
    let make = || -> Result<Vec<Created>, Error> {
        let manifest = format!("[app]\nname = \"{name}\"\n");
        write(&app.join("innkeeper.toml"), &manifest)?;
        write(&app.join(".gitignore"), GITIGNORE)?;
        let made = contexts
            .iter()
            .map(|context| new_context(&app, context, language, sdk, &outline.of(context)));
        made.collect()
    };
    let made = make();
    if made.is_err() {
        // Half an app would be in the way of the next try. What was wrong first is what is said.
        let _ = std::fs::remove_dir_all(&app);
    }
    made
}

/// Whether a name can be that of a package, too.
pub(super) fn is_name(name: &str) -> bool {
    check_name(name).is_ok()
        && name.len() <= 40
        // Folders beside the packages: the SDK, and what cargo builds. And the SDK's own packages.
        && !["sdk", "target", "innkeeper-sdk", "innkeeper-sdk-derive"].contains(&name)
        && name.split('-').all(|word| !word.is_empty())
}

/// The name of the app, where it can take the context.
fn check_manifest(app: &Path, name: &str, text: &str) -> Result<String, Error> {
    let path = app.join("innkeeper.toml");
    let manifest: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| Error::Manifest {
            path: path.clone(),
            reason: error.message().into(),
        })?;
    let known = manifest
        .get("context")
        .and_then(|contexts| contexts.get(name))
        .is_some();
    if known {
        Err(Error::Manifest {
            path,
            reason: format!("it already has a context {name}"),
        })
    } else {
        let named = manifest.get("app").and_then(|app| app.get("name"));
        Ok(named
            .and_then(toml::Value::as_str)
            .unwrap_or("app")
            .to_owned())
    }
}

/// A workspace that is there must take the new package.
fn check_members(path: &Path, name: &str) -> Result<(), Error> {
    if !path.exists() {
        return Ok(());
    }
    let manifest: toml::Table =
        read(path)?
            .parse()
            .map_err(|error: toml::de::Error| Error::Manifest {
                path: path.into(),
                reason: error.message().into(),
            })?;
    let members = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("members"))
        .and_then(toml::Value::as_array);
    let takes = |member: &toml::Value| {
        member
            .as_str()
            .is_some_and(|member| member == "*" || member == name)
    };
    if !members.is_some_and(|members| members.iter().any(takes)) {
        return Err(Error::Members {
            path: path.into(),
            name: name.into(),
        });
    }
    // In whatever folder it is: cargo takes no two of one name.
    match folders_beside(path)?
        .into_iter()
        .find(|folder| package_in(folder).as_deref() == Some(name))
    {
        Some(path) => Err(Error::Exists { path }),
        None => Ok(()),
    }
}

/// The folders beside a workspace's Cargo.toml.
fn folders_beside(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let workspace = path.parent().unwrap_or(path);
    let entries = std::fs::read_dir(workspace).map_err(Error::file(workspace))?;
    let paths = entries.map(|entry| Ok(entry.map_err(Error::file(workspace))?.path()));
    paths.collect()
}

/// The name of the package in a folder, if there is one.
fn package_in(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let manifest: toml::Table = text.parse().ok()?;
    let name = manifest.get("package")?.get("name")?;
    name.as_str().map(str::to_owned)
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(Error::file(path))
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(Error::file(directory))?;
    }
    std::fs::write(path, text).map_err(Error::file(path))
}
