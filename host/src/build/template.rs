use std::path::{Path, PathBuf};

use super::Error;
use super::embedded;

/// What a new context's package begins with; `__name__` is the context's name.
const PACKAGE: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("template/Cargo.toml.in")),
    ("src/lib.rs", include_str!("template/lib.rs.in")),
    ("src/tests.rs", include_str!("template/tests.rs.in")),
];

const GITIGNORE: &str = "/components/target\n/data\n";

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
/// When `directory` holds an `innkeeper.toml`, the context is added to that app. Otherwise a new app is made in `directory/<name>`, with the SDK and
/// the contract that this binary was built with.
///
/// # Errors
/// When the name cannot be one, something of that name is there, or a file cannot be written.
pub fn new_context(directory: &Path, name: &str) -> Result<Created, Error> {
    if !is_name(name) {
        return Err(Error::Name { name: name.into() });
    }
    let new_app = !directory.join("innkeeper.toml").is_file();
    let app = if new_app {
        directory.join(name)
    } else {
        directory.to_owned()
    };
    let package = app.join("components").join(name);
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
    check_manifest(&app, name, &manifest)?;
    check_members(&app.join("components/Cargo.toml"), name)?;

    if new_app {
        write(&app.join(".gitignore"), GITIGNORE)?;
    }
    for (path, text) in embedded::FILES {
        let path = app.join(path);
        if !path.exists() {
            write(&path, text)?;
        }
    }
    for (path, text) in PACKAGE {
        write(&package.join(path), &text.replace("__name__", name))?;
    }
    // Last, so that an app never names a context that is not there.
    let manifest = format!(
        "{}\n\n[context.{name}]\npackage = \"components/{name}\"\n",
        manifest.trim_end()
    );
    write(&app.join("innkeeper.toml"), &manifest)?;
    Ok(Created {
        name: name.into(),
        app,
        new_app,
        package,
    })
}

/// Makes an app of several contexts, in `directory/<name>`.
///
/// # Errors
/// When a name cannot be one or comes twice, something of the app's name is there, or a file cannot be written.
pub fn new_app(directory: &Path, name: &str, contexts: &[String]) -> Result<Vec<Created>, Error> {
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
    let make = || -> Result<Vec<Created>, Error> {
        let manifest = format!("[app]\nname = \"{name}\"\n");
        write(&app.join("innkeeper.toml"), &manifest)?;
        write(&app.join(".gitignore"), GITIGNORE)?;
        let made = contexts.iter().map(|context| new_context(&app, context));
        made.collect()
    };
    let made = make();
    if made.is_err() {
        // Half an app would be in the way of the next try. What was wrong first is what is said.
        let _ = std::fs::remove_dir_all(&app);
    }
    made
}

fn is_name(name: &str) -> bool {
    let words = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    name.len() <= 40
        // Folders beside the packages: the SDK, and what cargo builds.
        && !["sdk", "target"].contains(&name)
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.split('-').all(words)
}

fn check_manifest(app: &Path, name: &str, text: &str) -> Result<(), Error> {
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
        Ok(())
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
    if members.is_some_and(|members| members.iter().any(takes)) {
        Ok(())
    } else {
        Err(Error::Members {
            path: path.into(),
            name: name.into(),
        })
    }
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(Error::file(path))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(Error::file(directory))?;
    }
    std::fs::write(path, text).map_err(Error::file(path))
}
