//! `innkeeper sign`

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use sha2::{Digest, Sha256};

use super::failure::Failure;
use super::{key_file, output};
use crate::build;
use crate::manifest::is_name;
use crate::rollout::signature;

/// How a component begins.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// Sign a component, or make a key to sign with
///
/// A host takes the signature of whoever has a key in [rollout.keys] of its manifest; with `require_signature` there, it takes nothing else. What
/// is signed is the component's digest. A core module is made a component first, as the host does it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper sign --new-key ci.key        make a private key, and print its public one
  innkeeper sign room.wasm --key ci.key  write room.wasm.sig")]
pub(super) struct Sign {
    /// The component, or a core module, that is signed
    #[arg(value_name = "FILE", required_unless_present = "new_key")]
    component: Option<PathBuf>,
    /// The file of the private key: PEM (PKCS #8) with a key of ed25519
    #[arg(long, value_name = "KEYFILE", required_unless_present = "new_key")]
    key: Option<PathBuf>,
    /// Where the signature is written; `-` is standard output [default: FILE.sig]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Make a private key in this file, which must not be there, and print the line for [rollout.keys]
    #[arg(long, value_name = "KEYFILE", conflicts_with_all = ["component", "key", "output"])]
    new_key: Option<PathBuf>,
}

/// Why a component is not signed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignError {
    #[error("{} cannot be read: {source}; `innkeeper build` makes components", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("{} is no component; name a .wasm file, such as `innkeeper build` prints", file.display())]
    NoComponent { file: PathBuf },
    #[error("the signature cannot be written to {}: {source}; choose another place with --output", file.display())]
    Unwritable { file: PathBuf, source: io::Error },
}

impl Sign {
    pub async fn run(self) -> Result<(), Failure> {
        let working = tokio::task::spawn_blocking(move || self.work());
        working.await.map_err(|_| Failure::Interrupted)?
    }

    fn work(self) -> Result<(), Failure> {
        match (self.component, self.key, self.new_key) {
            (_, _, Some(file)) => make_key(&file),
            (Some(component), Some(key), None) => {
                let output = self
                    .output
                    .unwrap_or_else(|| component.with_added_extension("sig"));
                sign(&component, &key, &output)
            }
            // The command line has seen to it.
            _ => Err(Failure::Usage(
                "name a component and --key, or --new-key".to_owned(),
            )),
        }
    }
}

fn sign(component: &Path, key: &Path, output: &Path) -> Result<(), Failure> {
    let key = key_file::read(key)?;
    let digest = digest(component)?;
    let signature = signature::sign(&key, &digest);
    if output == Path::new("-") {
        return Ok(output::line(signature)?);
    }
    let written = std::fs::write(output, format!("{signature}\n"));
    written.map_err(|source| SignError::Unwritable {
        file: output.to_owned(),
        source,
    })?;
    let place = output.display();
    Ok(output::line(format_args!(
        "signed sha256:{digest} in {place}"
    ))?)
}

/// The digest of the component that a host makes of a file.
fn digest(file: &Path) -> Result<String, Failure> {
    let bytes = std::fs::read(file).map_err(|source| SignError::Unreadable {
        file: file.to_owned(),
        source,
    })?;
    let component = build::componentize(&file.display().to_string(), bytes)?;
    if !component.starts_with(COMPONENT) {
        let file = file.to_owned();
        return Err(SignError::NoComponent { file }.into());
    }
    Ok(hex::encode(Sha256::digest(&component)))
}

fn make_key(file: &Path) -> Result<(), Failure> {
    let key = key_file::make(file)?;
    let name = file.file_stem().and_then(|stem| stem.to_str());
    let name = name.filter(|name| is_name(name)).unwrap_or("key");
    output::note(format_args!(
        "made the private key {}, for its owner only; below [rollout.keys] in the manifest goes:",
        file.display()
    ));
    let public = signature::public_key(&key);
    Ok(output::line(format_args!("{name} = \"{public}\""))?)
}
