//! A directory with a file per key, as Kubernetes mounts a ConfigMap.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::Values;

/// The most that a file may hold: what a whole ConfigMap may.
const LARGEST: u64 = 1024 * 1024;

/// The link that Kubernetes turns over to a new directory when any key changed.
const SNAPSHOT: &str = "..data";

/// The files that hold values: key and path. Hidden files are not among them.
///
/// They are all of one snapshot, also while Kubernetes swaps it.
pub(super) fn files(directory: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let snapshot = match fs::canonicalize(directory.join(SNAPSHOT)) {
        Ok(snapshot) => snapshot,
        Err(error) if error.kind() == io::ErrorKind::NotFound => directory.to_owned(),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(snapshot)? {
        let path = entry?.path();
        let key = path.file_name().and_then(|name| name.to_str());
        let Some(key) = key.filter(|key| !key.starts_with('.')) else {
            continue;
        };
        if fs::metadata(&path)?.is_file() {
            files.push((key.to_owned(), path));
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Reads the values.
pub(super) fn read(directory: &Path) -> Result<Values, String> {
    let files = files(directory).map_err(|error| error.to_string())?;
    files
        .into_iter()
        .map(|(key, path)| Ok((key, value(&path)?)))
        .collect()
}

/// The value that a file holds. The newline that editors leave at its end is no part of it.
pub(super) fn value(path: &Path) -> Result<String, String> {
    let fault = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
    if fs::metadata(path).map_err(|error| fault(&error))?.len() > LARGEST {
        return Err(fault(&"more than 1 MiB"));
    }
    let text = fs::read_to_string(path).map_err(|error| fault(&error))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}
