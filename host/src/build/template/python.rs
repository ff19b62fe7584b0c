//! What `innkeeper new` writes for contexts in Python.

use std::path::Path;

use super::write;
use crate::build::Error;

/// A project in Python; `__name__` is the context's name.
const PYTHON: &[(&str, &str)] = &[
    ("pyproject.toml", include_str!("python/pyproject.toml.in")),
    ("src/main.py", include_str!("python/main.py.in")),
    ("tests/test_main.py", include_str!("python/test_main.py.in")),
];

/// What Python, pip and the build make, in the folder of the projects.
const GITIGNORE: &str = "__pycache__\ntarget\n";

/// Writes a project.
pub(super) fn write_package(app: &Path, package: &Path, name: &str) -> Result<(), Error> {
    let ignored = app.join("python/.gitignore");
    if !ignored.exists() {
        write(&ignored, GITIGNORE)?;
    }
    for (path, text) in PYTHON {
        write(&package.join(path), &text.replace("__name__", name))?;
    }
    Ok(())
}
