//! What `innkeeper new` writes for contexts in JavaScript and TypeScript.

use std::path::Path;

use super::{Language, write};
use crate::build::Error;

/// A package in JavaScript; `__name__` is the context's name.
const JAVASCRIPT: &[(&str, &str)] = &[
    ("package.json", include_str!("javascript/package.json.in")),
    ("src/index.js", include_str!("javascript/index.js.in")),
    ("test/index.test.js", include_str!("javascript/test.js.in")),
];

/// And one in TypeScript.
const TYPESCRIPT: &[(&str, &str)] = &[
    ("package.json", include_str!("typescript/package.json.in")),
    ("tsconfig.json", include_str!("typescript/tsconfig.json.in")),
    ("src/index.ts", include_str!("typescript/index.ts.in")),
    ("test/index.test.ts", include_str!("typescript/test.ts.in")),
];

/// What npm and the build make, in the folder of the packages.
const GITIGNORE: &str = "node_modules\ntarget\n";

/// Writes a package.
pub(super) fn write_package(
    app: &Path,
    package: &Path,
    name: &str,
    language: Language,
) -> Result<(), Error> {
    let ignored = app.join("javascript/.gitignore");
    if !ignored.exists() {
        write(&ignored, GITIGNORE)?;
    }
    let files = match language {
        Language::TypeScript => TYPESCRIPT,
        _ => JAVASCRIPT,
    };
    for (path, text) in files {
        write(&package.join(path), &text.replace("__name__", name))?;
    }
    Ok(())
}
