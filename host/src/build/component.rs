use std::path::{Path, PathBuf};

use wit_component::ComponentEncoder;

use super::toolchain::TARGET;
use super::workspace::Package;
use super::{Built, Error, Profile};
use crate::core::ContextName;

/// How a core module begins; a component has another version.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Makes a component of a core module that carries its WIT, as wit-bindgen's modules do. A component stays what it is.
///
/// # Errors
/// When it is neither, or the module does not fit its WIT.
pub fn componentize(context: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
    if !bytes.starts_with(CORE_MODULE) {
        return Ok(bytes);
    }
    ComponentEncoder::default()
        .module(&bytes)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| Error::Component {
            context: context.into(),
            reason: format!("{error:#}"),
        })
}

/// Where the component of a context is, below a target directory.
pub(super) fn file(target: &Path, profile: Profile, name: &str) -> PathBuf {
    directory(target, profile)
        .join(name)
        .with_added_extension("wasm")
}

fn directory(target: &Path, profile: Profile) -> PathBuf {
    let directory = target.join("innkeeper");
    match profile {
        Profile::Release => directory,
        Profile::Quick => directory.join("quick"),
    }
}

/// What cargo built of a package, without its ending.
pub(super) fn module(target: &Path, profile: Profile, package: &Package) -> PathBuf {
    target
        .join(TARGET)
        .join(profile.name())
        .join(&package.module)
}

/// Makes the component of what was built, and writes it if it is another than before. Readers see the old file or the new one, never a part.
pub(super) async fn write(
    name: ContextName,
    built: PathBuf,
    target: PathBuf,
    profile: Profile,
) -> Result<Built, Error> {
    let context = name.to_string();
    let work = tokio::task::spawn_blocking(move || write_blocking(name, &built, &target, profile));
    work.await.unwrap_or_else(|error| {
        Err(Error::Component {
            context,
            reason: error.to_string(),
        })
    })
}

fn write_blocking(
    name: ContextName,
    built: &Path,
    target: &Path,
    profile: Profile,
) -> Result<Built, Error> {
    let bytes = std::fs::read(built).map_err(Error::file(built))?;
    let component = componentize(&name, bytes)?;
    let path = file(target, profile, &name);
    let changed = !std::fs::read(&path).is_ok_and(|known| known == component);
    if changed {
        let directory = directory(target, profile);
        std::fs::create_dir_all(&directory).map_err(Error::file(&directory))?;
        let partial = path.with_added_extension(std::process::id().to_string());
        std::fs::write(&partial, &component).map_err(Error::file(&partial))?;
        std::fs::rename(&partial, &path).map_err(Error::file(&path))?;
    }
    Ok(Built {
        name,
        path,
        size: component.len() as u64,
        changed,
    })
}
