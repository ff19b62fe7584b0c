use std::path::{Path, PathBuf};

/// Why contexts could not be built or made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory cannot be used.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A Cargo.toml or innkeeper.toml cannot be read.
    #[error("{}: {reason}", path.display())]
    Manifest {
        /// Which one.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is no cargo or rustc to be run.
    #[error("{program} could not be run ({source}): install Rust from https://rustup.rs")]
    Rust {
        /// Which of them.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// There is no linker to be run.
    #[error(
        "cc could not be run ({source}), and Rust links with it: install a C compiler, such as Debian's packages gcc and libc6-dev"
    )]
    Linker {
        /// Why.
        source: std::io::Error,
    },
    /// What a context is built from is no package of any language.
    #[error(
        "context {context}: {} has no Cargo.toml (Rust), package.json (JavaScript, TypeScript) or pyproject.toml (Python)", path.display()
    )]
    NoPackage {
        /// The context.
        context: String,
        /// Where it should be.
        path: PathBuf,
    },
    /// There is no Node to be run.
    #[error(
        "{program} could not be run ({source}), and contexts in JavaScript or TypeScript are built with it: install Node.js 20 or newer from https://nodejs.org"
    )]
    Node {
        /// Which of its programs.
        program: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// Node is too old.
    #[error(
        "contexts in JavaScript or TypeScript are built with Node.js 20 or newer, and here is {version:?}: install a newer one from https://nodejs.org"
    )]
    OldNode {
        /// What it says of itself.
        version: String,
    },
    /// What builds contexts in JavaScript could not be installed.
    #[error(
        "npm could not install {what}, for contexts in JavaScript; can it reach its registry? npm says:\n{output}"
    )]
    Npm {
        /// What was to be installed.
        what: &'static str,
        /// What npm printed.
        output: String,
    },
    /// A context asks for an engine that its copy of the SDK does not know.
    #[error(
        "context {context} asks for StarlingMonkey in its package.json, and the app's copy of the SDK does not know it ({} is not there): run `innkeeper upgrade`", path.display()
    )]
    NoEngine {
        /// The context.
        context: String,
        /// What would name what is to be installed.
        path: PathBuf,
    },
    /// There is no Python to be run.
    #[error(
        "{program} could not be run ({source}), and contexts in Python are built with it: install Python 3.11 or newer from https://python.org"
    )]
    Python {
        /// What was to be run.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// Python is too old.
    #[error(
        "contexts in Python are built with Python 3.11 or newer, and here is {version:?}: install a newer one from https://python.org"
    )]
    OldPython {
        /// What it says of itself.
        version: String,
    },
    /// There is no environment that anything could be installed into.
    #[error(
        "python3 could not make an environment in {}; where its module `venv` is a package of its own, as Debian's python3-venv, install that. It says:\n{output}", path.display()
    )]
    Environment {
        /// Where it would be.
        path: PathBuf,
        /// What Python printed.
        output: String,
    },
    /// What builds contexts in Python could not be installed.
    #[error("pip could not install what {} names{hint} pip says:\n{output}", list.display())]
    Pip {
        /// What names it.
        list: PathBuf,
        /// What may be the reason.
        hint: &'static str,
        /// What pip printed.
        output: String,
    },
    /// Nothing says what builds a context in Python.
    #[error(
        "context {context}: neither {} nor a folder above it has a requirements.txt and the SDK that builds contexts in Python (sdk/tools/build.py): `innkeeper new` writes both, and `workspace` under [tool.innkeeper] in the context's pyproject.toml names their folder", path.display()
    )]
    NoPythonWorkspace {
        /// The context.
        context: String,
        /// Its package.
        path: PathBuf,
    },
    /// What is named as having what builds a context in Python has it not.
    #[error(
        "context {context}: `workspace` under [tool.innkeeper] in its pyproject.toml names {}, which has no requirements.txt and no SDK that builds contexts in Python (sdk/tools/build.py): name the folder that `innkeeper new` has written both into", path.display()
    )]
    OtherPythonWorkspace {
        /// The context.
        context: String,
        /// What is named.
        path: PathBuf,
    },
    /// Another build holds what this one needs.
    #[error(
        "{} is locked by another build, which has not ended in ten minutes: end it, and try again", path.display()
    )]
    Busy {
        /// The lock.
        path: PathBuf,
    },
    /// The compiler cannot build for wasm.
    #[error(
        "this Rust cannot build for wasm: run `rustup target add wasm32-unknown-unknown`; \
         where that is not possible, Debian's packages rustc-web and rust-web-src will do"
    )]
    NoTarget,
    /// Cargo could not fetch what contexts depend on.
    #[error(
        "cargo could not fetch what the contexts depend on; can it reach its registry? Where there is no network, `cargo fetch` in their folder while there is one. It says:\n{output}"
    )]
    Crates {
        /// What cargo printed.
        output: String,
    },
    /// Cargo failed.
    #[error("the contexts do not compile:\n{output}")]
    Compile {
        /// What cargo printed.
        output: String,
    },
    /// A context does what does not survive a re-run; clippy has said where.
    #[error(
        "the contexts do what does not survive that an invocation is run again; clippy says above where, why, and what to use instead. Where it is meant so, say that with `#[expect(clippy::…, reason = \"…\")]`"
    )]
    Reruns,
    /// Tests of contexts failed; cargo has said which.
    #[error("the contexts' tests do not pass; the output above says which and why")]
    Tests,
    /// A built module is no component, nor can it be made one.
    #[error("{context}: not a component: {reason}")]
    Component {
        /// The context.
        context: String,
        /// Why.
        reason: String,
    },
    /// A name that a context cannot have.
    #[error(
        "{name:?} is not a valid name for a context: use 1 to 40 lower-case letters, digits and single dashes, begin with a letter, and do not use a name of the SDK or a name twice"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// What contexts cannot do for each other.
    #[error("{text}: {reason}")]
    Interface {
        /// What was asked for.
        text: String,
        /// Why it cannot be.
        reason: String,
    },
    /// What should be made is there.
    #[error("{} exists already: choose another name", path.display())]
    Exists {
        /// Where it is.
        path: PathBuf,
    },
    /// There is no copy of the SDK that could be brought up to date.
    #[error("there is no copy of the SDK in {}: `innkeeper upgrade --sdk copy` makes one, and `--sdk` with a folder or a version has the app use that", path.display())]
    NoSdk {
        /// Where it would be.
        path: PathBuf,
    },
    /// The SDK cannot be had from where it was asked for.
    #[error("{sdk} cannot be used: {reason}")]
    Sdk {
        /// Which one.
        sdk: String,
        /// Why.
        reason: String,
    },
    /// The app has another SDK than is asked for with a new context.
    #[error(
        "the contexts of the app have {has}; `innkeeper upgrade --sdk` changes that for all of them"
    )]
    OtherSdk {
        /// What it has.
        has: String,
    },
    /// Files of somebody else are where the copy of the SDK is that is to go.
    #[error("{} is not the SDK's: move it, or cargo takes its folder for a package when the SDK is gone from there", path.display())]
    LeftInSdk {
        /// The first of them.
        path: PathBuf,
    },
    /// A context of this language has the SDK of the app, as a copy.
    #[error("only contexts in Rust can have the SDK from elsewhere: leave `--sdk` out")]
    SdkOfRust,
    /// The contexts' workspace does not take every folder in it.
    #[error("{} lists its members one by one: make that `members = [\"*\"]`, or add \"{name}\" and try again", path.display())]
    Members {
        /// The workspace's Cargo.toml.
        path: PathBuf,
        /// The new context.
        name: String,
    },
}

impl Error {
    /// Whether somebody has asked for what cannot be, rather than that something has failed.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Name { .. }
                | Self::Interface { .. }
                | Self::Exists { .. }
                | Self::Sdk { .. }
                | Self::OtherSdk { .. }
                | Self::LeftInSdk { .. }
                | Self::SdkOfRust
        )
    }

    /// For `map_err` where a path is used.
    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::File {
            path: path.into(),
            source,
        }
    }
}
