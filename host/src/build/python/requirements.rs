//! What says what is to be installed: the workspace's list, and those that it names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::build::Error;

/// The list of a workspace. What the SDK needs is in one of its own, which this one names.
pub(super) const REQUIREMENTS: &str = "requirements.txt";
/// How a list names another one.
const NAMING: [&str; 4] = ["--requirement", "--constraint", "-r", "-c"];

/// The list of a workspace, and all that it names, itself or by another. Blocks.
pub(in crate::build) fn lists(workspace: &Path) -> Vec<PathBuf> {
    let mut lists = Vec::new();
    let mut known = BTreeSet::new();
    let mut open = vec![workspace.join(REQUIREMENTS)];
    while let Some(list) = open.pop() {
        // Lists may name each other. One that is missing is watched, and pip says that it is.
        let real = list.canonicalize().unwrap_or_else(|_| list.clone());
        if !known.insert(real) {
            continue;
        }
        let text = std::fs::read_to_string(&list).unwrap_or_default();
        let folder = list.parent().unwrap_or(workspace);
        open.extend(text.lines().filter_map(named).map(|name| folder.join(name)));
        lists.push(list);
    }
    lists
}

/// A checksum of all that says what is to be installed. Blocks.
pub(super) fn checksum(workspace: &Path) -> Result<String, Error> {
    let list = workspace.join(REQUIREMENTS);
    std::fs::metadata(&list).map_err(Error::file(&list))?;
    let mut sum = Sha256::new();
    for list in lists(workspace) {
        let text = std::fs::read(&list).unwrap_or_default();
        sum.update(text.len().to_le_bytes());
        sum.update(text);
    }
    Ok(hex::encode(sum.finalize()))
}

/// The list that a line names, if it does and that is a file.
fn named(line: &str) -> Option<&str> {
    let line = line.split(" #").next()?.trim();
    let mut options = NAMING.iter();
    let rest = options.find_map(|option| line.strip_prefix(option))?;
    let name = rest.trim_start_matches(['=', ' ', '\t']).trim_matches('"');
    (!name.is_empty() && !name.contains("://")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_another_list_in_each_way_that_pip_knows() {
        for line in [
            "-r sdk/list.txt",
            "-rsdk/list.txt # the SDK's",
            "  --requirement sdk/list.txt",
            "--requirement=sdk/list.txt",
            "-c\tsdk/list.txt",
            "--constraint=\"sdk/list.txt\"",
        ] {
            assert_eq!(named(line), Some("sdk/list.txt"), "{line}");
        }
        for line in [
            "one==1 --hash=sha256:00",
            "# -r sdk/list.txt",
            "--require-hashes",
            "-r https://example/list.txt",
            "-r",
            "",
        ] {
            assert_eq!(named(line), None, "{line}");
        }
    }

    #[test]
    fn what_is_to_be_installed_is_known_by_all_lists() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        let write = |name: &str, text: &str| std::fs::write(path(name), text).unwrap();
        assert!(checksum(home.path()).is_err(), "nobody says what is wanted");
        std::fs::create_dir(path("sdk")).unwrap();
        write(REQUIREMENTS, "-r sdk/requirements.txt\none==1\n");
        // It is found missing by pip.
        let mut before = vec![checksum(home.path()).unwrap()];
        write("sdk/requirements.txt", "two==2\n-c ../limits.txt\n");
        before.push(checksum(home.path()).unwrap());
        // They go round in circles.
        write(
            "limits.txt",
            "-r requirements.txt\n-r sdk/requirements.txt\n",
        );
        before.push(checksum(home.path()).unwrap());
        write("limits.txt", "three<3\n");
        before.push(checksum(home.path()).unwrap());
        write(REQUIREMENTS, "-r sdk/requirements.txt\none==2\n");
        before.push(checksum(home.path()).unwrap());
        assert_eq!(before.iter().collect::<BTreeSet<_>>().len(), before.len());
        let lists = lists(home.path());
        assert_eq!(
            lists,
            [
                path(REQUIREMENTS),
                path("sdk/requirements.txt"),
                path("sdk/../limits.txt")
            ]
        );
    }
}
