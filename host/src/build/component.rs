use std::path::{Path, PathBuf};

use wit_component::ComponentEncoder;

use super::toolchain::TARGET;
use super::workspace::Package;
use super::{Built, Error};

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
pub(super) fn file(target: &Path, name: &str) -> PathBuf {
    target
        .join("innkeeper")
        .join(name)
        .with_added_extension("wasm")
}

/// Makes the component of what cargo built, and writes it if it is another than before. Readers see the old file or the new one, never a part.
pub(super) async fn write(package: Package, target: PathBuf) -> Result<Built, Error> {
    let name = package.name.clone();
    let work = tokio::task::spawn_blocking(move || write_blocking(&package, &target));
    work.await.unwrap_or_else(|error| {
        Err(Error::Component {
            context: name,
            reason: error.to_string(),
        })
    })
}

fn write_blocking(package: &Package, target: &Path) -> Result<Built, Error> {
    let module = target
        .join(TARGET)
        .join("release")
        .join(&package.module)
        .with_added_extension("wasm");
    let bytes = std::fs::read(&module).map_err(Error::file(&module))?;
    let component = componentize(&package.name, bytes)?;
    let path = file(target, &package.name);
    let changed = !std::fs::read(&path).is_ok_and(|known| known == component);
    if changed {
        let directory = target.join("innkeeper");
        std::fs::create_dir_all(&directory).map_err(Error::file(&directory))?;
        let partial = path.with_added_extension(std::process::id().to_string());
        std::fs::write(&partial, &component).map_err(Error::file(&partial))?;
        std::fs::rename(&partial, &path).map_err(Error::file(&path))?;
    }
    Ok(Built {
        name: package.name.clone(),
        path,
        size: component.len() as u64,
        changed,
    })
}
