//! The packages of an npm workspace: the folders that the patterns in its package.json name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What npm and builds make; no package is in it.
const MADE: [&str; 2] = ["node_modules", "target"];

#[derive(Deserialize)]
struct Manifest {
    workspaces: Option<Workspaces>,
}

/// As npm takes them, and as yarn writes them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Workspaces {
    List(Vec<String>),
    Named { packages: Vec<String> },
}

/// The package.json of each package in the workspace of a directory, where there is one. Blocks.
pub(super) fn manifests(directory: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for pattern in patterns(directory) {
        let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
        let parts: Vec<&str> = pattern.split('/').collect();
        folders(directory, &parts, &mut found);
    }
    found
}

/// The patterns. What npm cannot read it refuses itself.
fn patterns(directory: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(directory.join("package.json"));
    let manifest = text.ok().and_then(|text| serde_json::from_str(&text).ok());
    let manifest: Option<Manifest> = manifest;
    match manifest.and_then(|manifest| manifest.workspaces) {
        None => Vec::new(),
        Some(Workspaces::List(patterns) | Workspaces::Named { packages: patterns }) => patterns,
    }
}

/// Gathers what is in the folders that the rest of a pattern names.
fn folders(directory: &Path, pattern: &[&str], found: &mut BTreeSet<PathBuf>) {
    let Some((first, rest)) = pattern.split_first() else {
        let manifest = directory.join("package.json");
        if manifest.is_file() {
            found.insert(manifest);
        }
        return;
    };
    if *first == "**" {
        folders(directory, rest, found);
    }
    if !first.contains('*') {
        return folders(&directory.join(first), rest, found);
    }
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        // A link is not followed: it may lead back.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_folder || MADE.contains(&name) || name.starts_with('.') {
            continue;
        }
        match *first {
            "**" => folders(&entry.path(), pattern, found),
            first if fits(first, name) => folders(&entry.path(), rest, found),
            _ => {}
        }
    }
}

/// Whether a name is one that a pattern with `*` means.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(left) = name.strip_prefix(start) else {
        return false;
    };
    (0..=left.len())
        .filter_map(|skipped| left.get(skipped..))
        .any(|left| fits(rest, left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_the_folders_that_npm_takes_for_it() {
        for (pattern, name, wanted) in [
            ("*", "notes", true),
            ("notes-*", "notes-two", true),
            ("notes-*", "other", false),
            ("*-two", "notes-two", true),
            ("n*s*o", "notes-two", true),
            ("n*s*x", "notes-two", false),
        ] {
            assert_eq!(fits(pattern, name), wanted, "{pattern} {name}");
        }
    }

    #[test]
    fn each_package_of_a_workspace_is_found_wherever_it_is() {
        let home = tempfile::tempdir().unwrap();
        for folder in [
            "one",
            "contexts/two",
            "contexts/deep/three",
            "node_modules/four",
            "target/five",
        ] {
            let folder = home.path().join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("package.json"), "{}").unwrap();
        }
        std::fs::create_dir_all(home.path().join("contexts/none")).unwrap();
        for (workspaces, wanted) in [
            (r#"["*"]"#, vec!["one"]),
            (r#"["contexts/*"]"#, vec!["contexts/two"]),
            (r#"["./contexts/two/", "one"]"#, vec!["contexts/two", "one"]),
            (
                r#"["contexts/**"]"#,
                vec!["contexts/deep/three", "contexts/two"],
            ),
            (
                r#"{"packages": ["contexts/d*/three"]}"#,
                vec!["contexts/deep/three"],
            ),
            (r#"["other/*"]"#, vec![]),
        ] {
            let manifest = format!(r#"{{"workspaces": {workspaces}}}"#);
            std::fs::write(home.path().join("package.json"), manifest).unwrap();
            let wanted = wanted.into_iter().map(|folder| home.path().join(folder));
            let wanted: BTreeSet<_> = wanted.map(|folder| folder.join("package.json")).collect();
            assert_eq!(manifests(home.path()), wanted, "{workspaces}");
        }
        std::fs::remove_file(home.path().join("package.json")).unwrap();
        assert!(manifests(home.path()).is_empty());
    }
}
