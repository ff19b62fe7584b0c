use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::component;
use super::javascript;
use super::packaging::Packaging;
use super::python;
use super::workspace::Package;
use super::{Error, Options, Source};

/// Folders that are made by building and by running.
const MADE: [&str; 3] = ["target", "node_modules", "__pycache__"];

/// The files that the component of a context is made of: those of its package, those that its build found it to need when it was built last, wherever they are,
/// and the workspace's own. What is in `data` is none of them: an app that is one package has its journals there. Blocks.
///
/// # Errors
/// When the package cannot be read.
pub fn inputs(source: &Source, options: &Options, data: &Path) -> Result<BTreeSet<PathBuf>, Error> {
    let mut files = BTreeSet::new();
    within(&source.package, data, &mut files);
    let (target, needed) = match Packaging::of(source)? {
        Packaging::Cargo => {
            let package = Package::read(source)?;
            files.extend(["Cargo.toml", "Cargo.lock"].map(|name| package.workspace.join(name)));
            let target = options.target(&package.workspace);
            let module = component::module(&target, options.profile, &package);
            (target, module.with_added_extension("d"))
        }
        Packaging::Npm => {
            let package = javascript::Package::read(source)?;
            files.insert(package.workspace.join("package.json"));
            let target = options.target(&package.workspace);
            let noted = javascript::noted_dependencies(&package.work(&target));
            (target, noted)
        }
        Packaging::Python => {
            let project = python::Project::read(source)?;
            files.extend(python::lists(&project.workspace));
            let target = options.target(&project.workspace);
            let noted = python::noted_dependencies(&project.work(&target));
            (target, noted)
        }
    };
    // Before the first build there is none.
    if let Ok(text) = std::fs::read_to_string(needed) {
        // What building has made on the way is another one after each build.
        let real = target.canonicalize().unwrap_or_else(|_| target.clone());
        let is_made = |file: &PathBuf| file.starts_with(&target) || file.starts_with(&real);
        let needed = text.lines().flat_map(dependencies);
        files.extend(needed.filter(|file| !is_made(file)));
    }
    Ok(files)
}

/// The files below a directory, without those that are made by building, or hidden, or below `data`.
fn within(directory: &Path, data: &Path, files: &mut BTreeSet<PathBuf>) {
    // What cannot be read is missed by cargo too, which says so.
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        let is_made = MADE.iter().any(|made| OsStr::new(made) == name);
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        match entry.file_type() {
            _ if is_made || is_hidden || path.starts_with(data) => {}
            Ok(kind) if kind.is_dir() => within(&path, data, files),
            _ => {
                files.insert(path);
            }
        }
    }
}

/// The files that a line of cargo's dependency file names, as make writes them: `target: file file\ with\ spaces`.
fn dependencies(line: &str) -> Vec<PathBuf> {
    let Some((_, names)) = line.split_once(": ") else {
        return Vec::new();
    };
    let mut files = vec![String::new()];
    let mut characters = names.chars();
    while let Some(character) = characters.next() {
        match (character, files.last_mut()) {
            ('\\', Some(file)) => file.extend(characters.next()),
            (' ', _) => files.push(String::new()),
            (other, Some(file)) => file.push(other),
            (_, None) => {}
        }
    }
    let files = files.into_iter().filter(|file| !file.is_empty());
    files.map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_names_is_found_also_with_spaces() {
        let found = dependencies("/app/lobby.wasm: /app/my\\ sdk/lib.rs /app/lobby/src/lib.rs");
        assert_eq!(
            found,
            ["/app/my sdk/lib.rs", "/app/lobby/src/lib.rs"].map(PathBuf::from)
        );
        assert!(dependencies("").is_empty());
    }

    #[test]
    fn what_is_made_by_building_or_by_the_app_is_no_input() {
        let home = tempfile::tempdir().unwrap();
        for file in [
            "src/lib.rs",
            "wit/deep/world.wit",
            "target/x",
            ".git/y",
            "src/__pycache__/main.pyc",
            "data/journal/db",
        ] {
            let path = home.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let mut found = BTreeSet::new();
        // As a package that is called "." has them.
        within(
            &home.path().join("."),
            &home.path().join("data"),
            &mut found,
        );
        let names: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(home.path()).unwrap().to_owned())
            .collect();
        assert_eq!(
            names,
            ["src/lib.rs", "wit/deep/world.wit"].map(PathBuf::from)
        );
    }
}
