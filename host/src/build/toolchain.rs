use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::Error;

/// What guests are built for: no system interface at all, so a guest can do what its imports say and nothing else.
pub(super) const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler, and the library's source that fits it.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LIBRARY: &str = "/usr/lib/rustlib/src/rust/library/Cargo.toml";

/// A way to build for wasm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Toolchain {
    /// The compiler has the target.
    Installed,
    /// Debian's compiler builds the standard library too, and the linker comes from the compiler that is in use.
    Debian {
        /// The directory of `rust-lld`.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// Finds a way to build for wasm in this directory, which may choose its compiler.
    pub(super) async fn find(directory: &Path) -> Result<Self, Error> {
        let library = rustc(directory, &["--print", "target-libdir", "--target", TARGET]).await?;
        if tokio::fs::try_exists(library).await.unwrap_or(false) {
            return Ok(Self::Installed);
        }
        let debian = tokio::fs::try_exists(DEBIAN_RUSTC).await.unwrap_or(false)
            && tokio::fs::try_exists(DEBIAN_LIBRARY).await.unwrap_or(false);
        let linker = PathBuf::from(rustc(directory, &["--print", "target-libdir"]).await?)
            .with_file_name("bin");
        let linked = tokio::fs::try_exists(linker.join("rust-lld"))
            .await
            .unwrap_or(false);
        if debian && linked {
            Ok(Self::Debian { linker })
        } else {
            Err(Error::NoTarget)
        }
    }

    /// Prepares a `cargo build`.
    pub(super) fn apply(&self, command: &mut Command) {
        command.args(["--target", TARGET]);
        if let Self::Debian { linker } = self {
            command
                .env("RUSTC", DEBIAN_RUSTC)
                .env("RUSTC_BOOTSTRAP", "1")
                .args(["-Z", "build-std=std,panic_abort"]);
            let mut path = OsString::from(linker);
            if let Some(rest) = std::env::var_os("PATH") {
                path.push(":");
                path.push(rest);
            }
            command.env("PATH", path);
        }
    }
}

/// What the compiler that is used in a directory says of itself.
pub(super) async fn version(directory: &Path) -> Result<String, Error> {
    rustc(directory, &["--version"]).await
}

async fn rustc(directory: &Path, arguments: &[&str]) -> Result<String, Error> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&program)
        .args(arguments)
        .current_dir(directory)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| Error::Rust {
            program: program.to_string_lossy().into_owned(),
            source,
        })?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
