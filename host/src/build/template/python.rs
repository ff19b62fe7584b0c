//! What `innkeeper new` writes for contexts in Python.

use std::path::Path;

use super::write;
use crate::build::Error;
use crate::build::outline::Outline;

/// A project in Python; `__name__` is the context's name.
const PYTHON: &[(&str, &str)] = &[
    ("pyproject.toml", include_str!("python/pyproject.toml.in")),
    ("src/main.py", include_str!("python/main.py.in")),
    ("tests/test_main.py", include_str!("python/test_main.py.in")),
];
/// The same, of one that has no sample.
const BARE: &[(&str, &str)] = &[
    ("pyproject.toml", include_str!("python/pyproject.toml.in")),
    ("src/main.py", include_str!("python/bare.py.in")),
    ("tests/test_main.py", include_str!("python/test_bare.py.in")),
];
const OFFERED: &str = include_str!("python/offered.py.in");
const OFFERED_TEST: &str = include_str!("python/test_offered.py.in");
const CALLING: &str = include_str!("python/calling.py.in");
const CALLING_TEST: &str = include_str!("python/test_calling.py.in");
const FOLLOWING: &str = include_str!("python/following.py.in");
const FOLLOWING_TEST: &str = include_str!("python/test_following.py.in");

/// What Python, pip and the build make, in the folder of the projects.
const GITIGNORE: &str = "__pycache__\ntarget\n";

/// Writes a project.
pub(super) fn write_package(
    app: &Path,
    package: &Path,
    name: &str,
    namespace: &str,
    outline: &Outline,
) -> Result<(), Error> {
    let ignored = app.join("python/.gitignore");
    if !ignored.exists() {
        write(&ignored, GITIGNORE)?;
    }
    let Pieces { inserted, files } = Pieces::of(name, namespace, outline);
    let project = match outline.is_bare {
        true => BARE,
        false => PYTHON,
    };
    for (path, text) in project {
        let mut text = text.replace("__name__", name);
        for (place, piece) in &inserted {
            text = text.replace(place, piece);
        }
        write(&package.join(path), &text)?;
    }
    for (path, text) in &files {
        write(&package.join(path), text)?;
    }
    Ok(())
}

/// What becomes of the project of a context that offers, calls and follows.
struct Pieces {
    /// By placeholder of the main module.
    inserted: [(&'static str, String); 5],
    /// More files: a module for each interface, and its tests.
    files: Vec<(String, String)>,
}

impl Pieces {
    fn of(name: &str, namespace: &str, outline: &Outline) -> Self {
        let Outline {
            offers,
            calls,
            follows,
            ..
        } = outline;
        let mut files = Vec::new();
        let mut modules = Vec::new();
        let [mut declared, mut tables, mut called] = [const { String::new() }; 3];
        for offer in offers {
            let module = offer.module();
            let table = format!("{module}_taken");
            declared.push_str(&format!(
                "\n{table} = Table[U64, U64](\"{}-taken\")\n\"\"\"Who has taken an entry.\"\"\"\n",
                offer.interface
            ));
            tables.push_str(&format!(", {table}"));
            modules.push(format!("offered_{module}"));
            let mut file = |path: String, text| files.push((path, offer.fill(text, namespace)));
            file(format!("src/offered_{module}.py"), OFFERED);
            file(format!("tests/test_offered_{module}.py"), OFFERED_TEST);
        }
        for call in calls {
            let module = call.offered.module();
            let context = &call.offered.context;
            let functions = format!("{module}_calls");
            declared.push_str(&format!(
                "\n{functions} = Calls(\"{}\")\n\"\"\"What {context} offers.\"\"\"\n",
                call.id(namespace)
            ));
            called.push_str(if called.is_empty() { "" } else { ", " });
            called.push_str(&functions);
            if call.declared_only.is_some() {
                continue;
            }
            modules.push(format!("calling_{module}"));
            let mut file = |path: String, text| files.push((path, call.fill(text, namespace)));
            file(format!("src/calling_{module}.py"), CALLING);
            file(format!("tests/test_calling_{module}.py"), CALLING_TEST);
        }
        for followed in follows {
            let module = format!("following_{}", followed.name());
            let mut file = |path: String, text| {
                let text = followed.fill(text).replace("__name__", name);
                files.push((path, text));
            };
            file(format!("src/{module}.py"), FOLLOWING);
            file(format!("tests/test_{module}.py"), FOLLOWING_TEST);
            modules.push(module);
        }
        modules.sort_unstable();
        let imports = modules
            .iter()
            .map(|module| format!("import {module}  # noqa: E402, F401\n"));
        let mut loaded = imports.collect::<String>();
        if !loaded.is_empty() {
            loaded.insert_str(
                0,
                "\n\n# They need the context, and add to it what they do.\n",
            );
        }
        let imported = if calls.is_empty() { "" } else { "Calls, " };
        if !called.is_empty() {
            called = format!(", calls=[{called}]");
        }
        Self {
            inserted: [
                ("__imported__", imported.to_owned()),
                ("__declared__", declared),
                ("__tables__", tables),
                ("__calls__", called),
                ("__modules__", loaded),
            ],
            files,
        }
    }
}
