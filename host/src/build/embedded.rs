//! The SDKs and the contract, as this binary was built with them: what an app outside this repository begins with.

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../", $path)))),*]
    };
}

/// What an app has of the SDK for a language.
#[derive(Debug)]
pub(super) struct Kit {
    /// Each file with its path below an app's directory.
    pub(super) files: &'static [(&'static str, &'static str)],
    /// Where the SDK is. All below it is the SDK's; the other files are there for the author to change.
    pub(super) sdk: &'static str,
    /// What is there when the app has a copy of the SDK.
    pub(super) manifest: &'static str,
}

/// For Rust.
pub(super) const RUST: Kit = Kit {
    files: RUST_FILES,
    sdk: "components/sdk/",
    manifest: "components/sdk/Cargo.toml",
};

/// For JavaScript and TypeScript.
pub(super) const JAVASCRIPT: Kit = Kit {
    files: JAVASCRIPT_FILES,
    sdk: "javascript/sdk/",
    manifest: "javascript/sdk/package.json",
};

/// For Python.
pub(super) const PYTHON: Kit = Kit {
    files: PYTHON_FILES,
    sdk: "python/sdk/",
    manifest: "python/sdk/pyproject.toml",
};

/// All of them.
pub(super) const KITS: [&Kit; 3] = [&RUST, &JAVASCRIPT, &PYTHON];

const RUST_FILES: &[(&str, &str)] = files![
    "components/.cargo/config.toml",
    "components/Cargo.lock",
    "components/Cargo.toml",
    "components/clippy.toml",
    "components/sdk/Cargo.toml",
    "components/sdk/LICENSE",
    "components/sdk/README.md",
    "components/sdk/clippy.toml",
    "components/sdk/derive/Cargo.toml",
    "components/sdk/derive/LICENSE",
    "components/sdk/derive/src/attributes.rs",
    "components/sdk/derive/src/context.rs",
    "components/sdk/derive/src/context/bindings.rs",
    "components/sdk/derive/src/context/parts.rs",
    "components/sdk/derive/src/context/tests.rs",
    "components/sdk/derive/src/context/wit.rs",
    "components/sdk/derive/src/fields.rs",
    "components/sdk/derive/src/json_schema.rs",
    "components/sdk/derive/src/json_schema/tests.rs",
    "components/sdk/derive/src/keys.rs",
    "components/sdk/derive/src/keywords.rs",
    "components/sdk/derive/src/lib.rs",
    "components/sdk/derive/src/serde_attributes.rs",
    "components/sdk/derive/src/structs.rs",
    "components/sdk/derive/src/tests.rs",
    "components/sdk/derive/src/variants.rs",
    "components/sdk/src/allocator.rs",
    "components/sdk/src/bindings.rs",
    "components/sdk/src/config.rs",
    "components/sdk/src/context.rs",
    "components/sdk/src/counter.rs",
    "components/sdk/src/declare.rs",
    "components/sdk/src/document.rs",
    "components/sdk/src/document/tests.rs",
    "components/sdk/src/documented.rs",
    "components/sdk/src/entry.rs",
    "components/sdk/src/event.rs",
    "components/sdk/src/event_data.rs",
    "components/sdk/src/event_data/tests.rs",
    "components/sdk/src/evolving.rs",
    "components/sdk/src/fault.rs",
    "components/sdk/src/host.rs",
    "components/sdk/src/index.rs",
    "components/sdk/src/into_response.rs",
    "components/sdk/src/invocation.rs",
    "components/sdk/src/json.rs",
    "components/sdk/src/json_schema.rs",
    "components/sdk/src/json_schema/tests.rs",
    "components/sdk/src/key.rs",
    "components/sdk/src/lib.rs",
    "components/sdk/src/log.rs",
    "components/sdk/src/migration.rs",
    "components/sdk/src/migration/tests.rs",
    "components/sdk/src/named_values.rs",
    "components/sdk/src/outbound.rs",
    "components/sdk/src/page.rs",
    "components/sdk/src/path.rs",
    "components/sdk/src/policy.rs",
    "components/sdk/src/probe.rs",
    "components/sdk/src/problem.rs",
    "components/sdk/src/query.rs",
    "components/sdk/src/record.rs",
    "components/sdk/src/record/collections.rs",
    "components/sdk/src/record/gather.rs",
    "components/sdk/src/record/numbers.rs",
    "components/sdk/src/record/scalars.rs",
    "components/sdk/src/record/tests.rs",
    "components/sdk/src/record/types.rs",
    "components/sdk/src/response.rs",
    "components/sdk/src/table.rs",
    "components/sdk/src/table/paging.rs",
    "components/sdk/src/testing/app.rs",
    "components/sdk/src/testing/calls.rs",
    "components/sdk/src/testing/context.rs",
    "components/sdk/src/testing/decode.rs",
    "components/sdk/src/testing/delivery.rs",
    "components/sdk/src/testing/drawn_numbers.rs",
    "components/sdk/src/testing/ending.rs",
    "components/sdk/src/testing/finding.rs",
    "components/sdk/src/testing/fuzzer.rs",
    "components/sdk/src/testing/host.rs",
    "components/sdk/src/testing/interference.rs",
    "components/sdk/src/testing/invocation.rs",
    "components/sdk/src/testing/mod.rs",
    "components/sdk/src/testing/outbox.rs",
    "components/sdk/src/testing/outside.rs",
    "components/sdk/src/testing/simulation.rs",
    "components/sdk/src/testing/tested_context.rs",
    "components/sdk/src/testing/tests.rs",
    "components/sdk/src/testing/tests/conflicts.rs",
    "components/sdk/src/text.rs",
    "components/sdk/src/web.rs",
    "components/sdk/wit/deps/innkeeper-outbound/http.wit",
    "components/sdk/wit/deps/wasi-config/store.wit",
    "components/sdk/wit/deps/wasi-logging/logging.wit",
    "components/sdk/wit/exports.wit",
    "components/sdk/wit/imports.wit",
    "components/sdk/wit/records.json",
    "components/sdk/wit/types.wit",
    "components/sdk/wit/world.wit",
];

const JAVASCRIPT_FILES: &[(&str, &str)] = files![
    "javascript/package-lock.json",
    "javascript/package.json",
    "javascript/sdk/LICENSE",
    "javascript/sdk/README.md",
    "javascript/sdk/engines/starlingmonkey/package-lock.json",
    "javascript/sdk/engines/starlingmonkey/package.json",
    "javascript/sdk/index.d.ts",
    "javascript/sdk/index.js",
    "javascript/sdk/outbound.d.ts",
    "javascript/sdk/package.json",
    "javascript/sdk/src/answer.js",
    "javascript/sdk/src/answers.js",
    "javascript/sdk/src/bytes.js",
    "javascript/sdk/src/calls.js",
    "javascript/sdk/src/component.js",
    "javascript/sdk/src/config.js",
    "javascript/sdk/src/context.js",
    "javascript/sdk/src/crossing.js",
    "javascript/sdk/src/documentation.js",
    "javascript/sdk/src/event.js",
    "javascript/sdk/src/exact.js",
    "javascript/sdk/src/host.js",
    "javascript/sdk/src/immediate.js",
    "javascript/sdk/src/indexes.js",
    "javascript/sdk/src/invocation.js",
    "javascript/sdk/src/json.js",
    "javascript/sdk/src/key.js",
    "javascript/sdk/src/log.js",
    "javascript/sdk/src/names.js",
    "javascript/sdk/src/outbound.js",
    "javascript/sdk/src/paging.js",
    "javascript/sdk/src/polyfills.js",
    "javascript/sdk/src/problem.js",
    "javascript/sdk/src/response.js",
    "javascript/sdk/src/route.js",
    "javascript/sdk/src/table.js",
    "javascript/sdk/src/testing/outside.js",
    "javascript/sdk/src/testing/routing.js",
    "javascript/sdk/src/testing/state.js",
    "javascript/sdk/src/text-decoder.js",
    "javascript/sdk/src/text.js",
    "javascript/sdk/src/types.js",
    "javascript/sdk/src/types/compound.js",
    "javascript/sdk/src/types/scalars.js",
    "javascript/sdk/src/types/type.js",
    "javascript/sdk/testing.d.ts",
    "javascript/sdk/testing.js",
    "javascript/sdk/tools/build.js",
    "javascript/sdk/tools/engines.js",
    "javascript/sdk/tools/entry.js",
    "javascript/sdk/tools/interfaces.js",
    "javascript/sdk/tools/run-tests.js",
    "javascript/sdk/tools/signatures.js",
    "javascript/sdk/tools/starlingmonkey.js",
    "javascript/sdk/tools/types.js",
    "javascript/sdk/tools/wide-lists.js",
    "javascript/sdk/tools/wit.js",
    "javascript/sdk/wit/deps/innkeeper-outbound/http.wit",
    "javascript/sdk/wit/deps/wasi-config/store.wit",
    "javascript/sdk/wit/deps/wasi-logging/logging.wit",
    "javascript/sdk/wit/exports.wit",
    "javascript/sdk/wit/imports.wit",
    "javascript/sdk/wit/records.json",
    "javascript/sdk/wit/types.wit",
    "javascript/sdk/wit/world.wit",
];

const PYTHON_FILES: &[(&str, &str)] = files![
    "python/requirements.txt",
    "python/sdk/LICENSE",
    "python/sdk/README.md",
    "python/sdk/innkeeper/__init__.py",
    "python/sdk/innkeeper/answer.py",
    "python/sdk/innkeeper/answering.py",
    "python/sdk/innkeeper/calls.py",
    "python/sdk/innkeeper/component.py",
    "python/sdk/innkeeper/config.py",
    "python/sdk/innkeeper/context.py",
    "python/sdk/innkeeper/crossing.py",
    "python/sdk/innkeeper/document.py",
    "python/sdk/innkeeper/event.py",
    "python/sdk/innkeeper/host.py",
    "python/sdk/innkeeper/immediate.py",
    "python/sdk/innkeeper/index.py",
    "python/sdk/innkeeper/invocation.py",
    "python/sdk/innkeeper/json_text.py",
    "python/sdk/innkeeper/key.py",
    "python/sdk/innkeeper/log.py",
    "python/sdk/innkeeper/names.py",
    "python/sdk/innkeeper/outbound.py",
    "python/sdk/innkeeper/paging.py",
    "python/sdk/innkeeper/problem.py",
    "python/sdk/innkeeper/py.typed",
    "python/sdk/innkeeper/response.py",
    "python/sdk/innkeeper/route.py",
    "python/sdk/innkeeper/table.py",
    "python/sdk/innkeeper/testing/__init__.py",
    "python/sdk/innkeeper/testing/host.py",
    "python/sdk/innkeeper/testing/limits.py",
    "python/sdk/innkeeper/testing/routing.py",
    "python/sdk/innkeeper/testing/state.py",
    "python/sdk/innkeeper/text.py",
    "python/sdk/innkeeper/values/__init__.py",
    "python/sdk/innkeeper/values/compound.py",
    "python/sdk/innkeeper/values/hints.py",
    "python/sdk/innkeeper/values/kind.py",
    "python/sdk/innkeeper/values/marks.py",
    "python/sdk/innkeeper/values/scalars.py",
    "python/sdk/innkeeper/values/types.py",
    "python/sdk/pyproject.toml",
    "python/sdk/requirements.txt",
    "python/sdk/tools/build.py",
    "python/sdk/tools/innkeeper_build/__init__.py",
    "python/sdk/tools/innkeeper_build/late.py",
    "python/sdk/tools/innkeeper_build/memory.py",
    "python/sdk/tools/innkeeper_build/signatures.py",
    "python/sdk/tools/innkeeper_build/wit.py",
    "python/sdk/wit/deps/innkeeper-outbound/http.wit",
    "python/sdk/wit/deps/wasi-config/store.wit",
    "python/sdk/wit/deps/wasi-logging/logging.wit",
    "python/sdk/wit/exports.wit",
    "python/sdk/wit/imports.wit",
    "python/sdk/wit/records.json",
    "python/sdk/wit/types.wit",
    "python/sdk/wit/world.wit",
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn files(root: &Path, directory: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(root.join(directory)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{directory}/{}", entry.file_name().to_str().unwrap());
            // Python leaves it wherever it has run.
            if path.ends_with("__pycache__") {
                continue;
            }
            // The contract is linked into the SDK.
            if entry.path().is_dir() {
                files(root, &path, found);
            } else {
                found.push(path);
            }
        }
    }

    /// The paths of a kit, and of what there is in these folders and files.
    fn compare(kit: &Kit, folders: &[&str], others: &[&str]) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut found = Vec::new();
        for folder in folders {
            files(root, folder, &mut found);
        }
        found.extend(others.iter().map(|name| (*name).to_owned()));
        found.sort();
        let embedded = kit.files.iter().map(|(path, _)| (*path).to_owned());
        let mut embedded: Vec<_> = embedded.collect();
        embedded.sort();
        assert_eq!(embedded, found);
    }

    #[test]
    fn every_file_of_the_sdks_and_the_contract_is_embedded() {
        compare(
            &RUST,
            &["components/.cargo", "components/sdk"],
            &["Cargo.lock", "Cargo.toml", "clippy.toml"]
                .map(|name| format!("components/{name}"))
                .each_ref()
                .map(String::as_str),
        );
        let sdk = "javascript/sdk";
        compare(
            &JAVASCRIPT,
            &["engines", "src", "tools", "wit"]
                .map(|folder| format!("{sdk}/{folder}"))
                .each_ref()
                .map(String::as_str),
            &[
                "javascript/package-lock.json",
                "javascript/package.json",
                "javascript/sdk/LICENSE",
                "javascript/sdk/README.md",
                "javascript/sdk/index.d.ts",
                "javascript/sdk/index.js",
                "javascript/sdk/outbound.d.ts",
                "javascript/sdk/package.json",
                "javascript/sdk/testing.d.ts",
                "javascript/sdk/testing.js",
            ],
        );
    }

    #[test]
    fn every_file_of_the_sdk_for_python_is_embedded() {
        let sdk = "python/sdk";
        let folders = ["innkeeper", "tools", "wit"].map(|folder| format!("{sdk}/{folder}"));
        compare(
            &PYTHON,
            &folders.each_ref().map(String::as_str),
            &[
                "python/requirements.txt",
                "python/sdk/LICENSE",
                "python/sdk/README.md",
                "python/sdk/pyproject.toml",
                "python/sdk/requirements.txt",
            ],
        );
    }

    /// Whether the build of an image is given a file, by what its list of ignored files says: the last line that fits decides.
    fn is_given(ignored: &str, path: &str) -> bool {
        let lines = ignored.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.fold(true, |given, line| {
            let (pattern, means) = match line.strip_prefix('!') {
                Some(pattern) => (pattern, true),
                None => (line, false),
            };
            let below = |pattern: &str| {
                let rest = path.strip_prefix(pattern);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let fits = match pattern.strip_prefix("**/") {
                Some(name) => path.split('/').any(|part| part == name),
                None => pattern == "*" || below(pattern),
            };
            if fits { means } else { given }
        })
    }

    #[test]
    fn an_image_is_built_from_all_that_is_embedded_and_from_nothing_that_is_installed() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let ignored = std::fs::read_to_string(root.join(".dockerignore")).unwrap();
        let embedded = KITS.iter().flat_map(|kit| kit.files);
        for (path, _) in embedded.chain(&[("host/src/lib.rs", "")]) {
            assert!(is_given(&ignored, path), "{path} is ignored");
        }
        for path in [
            "javascript/node_modules/esbuild/package.json",
            "tests/javascript/scripted/node_modules/x",
            "javascript/target/innkeeper/message.wasm",
            "python/target/venv/bin/python",
            "python/sdk/innkeeper/__pycache__/key.cpython-311.pyc",
            ".git/config",
        ] {
            assert!(!is_given(&ignored, path), "{path} is not ignored");
        }
    }
}
