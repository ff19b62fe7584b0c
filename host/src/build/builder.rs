//! What contexts are built with, which is not Innkeeper's, and has to be on the machine.

use std::path::Path;

use tokio::process::Command;

use super::packaging::Packaging;
use super::toolchain::{self, Toolchain};
use super::{Error, Source, javascript, python};

/// What builds contexts of one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Builder {
    /// Rust, with its target for wasm and a linker.
    Rust,
    /// Node, for JavaScript and TypeScript.
    Node,
    /// Python.
    Python,
}

impl Builder {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rust, Self::Node, Self::Python];

    /// That of a context.
    ///
    /// # Errors
    /// When there is no package.
    pub fn of(source: &Source) -> Result<Self, Error> {
        Ok(match Packaging::of(source)? {
            Packaging::Cargo => Self::Rust,
            Packaging::Npm => Self::Node,
            Packaging::Python => Self::Python,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Node => "node",
            Self::Python => "python",
        }
    }

    /// Finds it, for what is built in a directory; answers which version it is.
    ///
    /// # Errors
    /// When it is not there, or too old, with what to do about it.
    pub async fn find(self, directory: &Path) -> Result<String, Error> {
        match self {
            Self::Rust => rust(directory).await,
            Self::Node => javascript::find().await,
            Self::Python => python::find().await,
        }
    }
}

async fn rust(directory: &Path) -> Result<String, Error> {
    let version = toolchain::version(directory).await?;
    let how = match Toolchain::find(directory).await? {
        Toolchain::Installed => "",
        Toolchain::Debian { .. } => " (by Debian's compiler)",
    };
    // What runs while something is compiled is linked by it.
    let linker = Command::new("cc").arg("--version").output().await;
    linker.map_err(|source| Error::Linker { source })?;
    Ok(format!("{version}, which builds for wasm{how}"))
}
