//! Private keys in files: PEM, as openssl makes and takes them, too.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};

use crate::rollout::signature;

/// Why a private key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyFileError {
    #[error(
        "the private key {} cannot be read: {source}; `innkeeper sign --new-key {}` makes one", file.display(), file.display()
    )]
    Unreadable { file: PathBuf, source: io::Error },
    #[error(
        "{} does not hold an ed25519 private key (PEM, PKCS #8); `innkeeper sign --new-key FILE` makes one", file.display()
    )]
    Malformed { file: PathBuf },
    #[error("{} already exists, and a key that is overwritten is lost; choose another name", file.display())]
    Exists { file: PathBuf },
    #[error("the private key cannot be written to {}: {source}; choose another place", file.display())]
    Unwritable { file: PathBuf, source: io::Error },
}

/// The private key in a file. Blocks.
pub(super) fn read(file: &Path) -> Result<SigningKey, KeyFileError> {
    let bytes = fs::read(file).map_err(|source| KeyFileError::Unreadable {
        file: file.to_owned(),
        source,
    })?;
    let key = str::from_utf8(&bytes)
        .ok()
        .and_then(|text| SigningKey::from_pkcs8_pem(text).ok());
    key.ok_or_else(|| KeyFileError::Malformed {
        file: file.to_owned(),
    })
}

/// Makes a private key and its file, readable for its owner only, and never in the place of another. Blocks.
pub(super) fn make(file: &Path) -> Result<SigningKey, KeyFileError> {
    let unwritable = |source: io::Error| {
        let file = file.to_owned();
        match source.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::Exists { file },
            _ => KeyFileError::Unwritable { file, source },
        }
    };
    let key = signature::new_key();
    // Without the public key, which not everyone who reads this format expects there.
    let pair = KeypairBytes {
        secret_key: key.to_bytes(),
        public_key: None,
    };
    let pem = pair
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|error| unwritable(io::Error::other(error.to_string())))?;
    let mut out = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(unwritable)?;
    let written = out.write_all(pem.as_bytes()).and_then(|()| out.sync_all());
    written.map_err(|source| {
        // A part of a key is none, and would be in the way of the next try.
        let _ = fs::remove_file(file);
        unwritable(source)
    })?;
    Ok(key)
}
