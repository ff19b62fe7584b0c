//! Copies of the components that the manifest names in registries, one for each context: a host starts again when no registry answers.
//!
//! What a reference has been resolved to stays, whatever becomes of its tag, until the manifest has another reference.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Addressee, Pulled, Registries, RegistryError};
use crate::core::{ContentDigest, VersionDigest};
use crate::manifest::OciReference;

/// The copies of one host.
#[derive(Clone, Debug)]
pub struct KeptCopies {
    directory: PathBuf,
}

/// A component that is at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obtained {
    /// Its file; a signature is in the file beside it, with `.sig` behind the name.
    pub file: PathBuf,
    /// What its registry knows it by.
    pub digest: ContentDigest,
    /// Whether it was fetched just now.
    pub is_new: bool,
}

/// What is noted beside a copy.
#[derive(Serialize, Deserialize)]
struct Note {
    /// What the manifest names.
    reference: String,
    /// What that was resolved to.
    digest: ContentDigest,
    /// What the component is known by.
    component: VersionDigest,
}

impl KeptCopies {
    /// Those in a directory, which need not be there yet.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The component of a context, of at most so many bytes: as it is kept, or else as it is fetched. A signature that is missing is looked for again where one is
    /// needed.
    ///
    /// # Errors
    ///
    /// When it has to be fetched and cannot be, or cannot be kept.
    pub async fn obtain(
        &self,
        registries: &Registries,
        reference: &OciReference,
        whom: &Addressee,
        context: &str,
        largest: u64,
        needs_signature: bool,
    ) -> Result<Obtained, RegistryError> {
        let copy = Copy {
            file: self.directory.join(context).with_added_extension("wasm"),
            reference: reference.to_string(),
        };
        if let Some(digest) = copy.clone().blocking(Copy::kept).await? {
            let is_signed = !needs_signature || copy.signature().exists();
            if !is_signed {
                let pinned = reference.pinned(digest);
                // Whether it may serve without is not decided here.
                if let Ok(Some(signature)) = registries.signature(&pinned, whom).await {
                    let sign =
                        move |copy: &Copy| copy.write(&copy.signature(), signature.as_bytes());
                    copy.clone().blocking(sign).await?;
                }
            }
            return Ok(Obtained {
                file: copy.file,
                digest,
                is_new: false,
            });
        }
        let pulled = registries.pull(reference, largest, whom).await?;
        let (file, digest) = (copy.file.clone(), pulled.digest);
        copy.blocking(move |copy| copy.keep(&pulled)).await?;
        Ok(Obtained {
            file,
            digest,
            is_new: true,
        })
    }

    /// Removes what is kept for other contexts than these.
    pub async fn keep_only(&self, contexts: BTreeSet<String>) {
        let directory = self.directory.clone();
        let removing = tokio::task::spawn_blocking(move || remove_others(&directory, &contexts));
        match removing.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "copies of components that the manifest does not name any more could not be removed");
            }
            Err(_) => {}
        }
    }
}

/// The copy for one context.
#[derive(Clone)]
struct Copy {
    file: PathBuf,
    reference: String,
}

impl Copy {
    /// Does something with files.
    async fn blocking<T: Send + 'static>(
        self,
        what: impl FnOnce(&Self) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let file = self.file.clone();
        let working = tokio::task::spawn_blocking(move || what(&self)).await;
        working.map_err(|error| RegistryError::Copy {
            file,
            source: io::Error::other(error),
        })?
    }

    fn signature(&self) -> PathBuf {
        self.file.with_added_extension("sig")
    }

    fn note(&self) -> PathBuf {
        self.file.with_extension("json")
    }

    /// What is kept, if it is of this reference, and as it was written. What is not is fetched again.
    fn kept(&self) -> Result<Option<ContentDigest>, RegistryError> {
        let read = |file: &Path| std::fs::read(file).ok();
        let kept = || {
            let note: Note = serde_json::from_slice(&read(&self.note())?).ok()?;
            let bytes = read(&self.file)?;
            let is_it =
                note.reference == self.reference && VersionDigest::of(&bytes) == note.component;
            is_it.then_some(note.digest)
        };
        Ok(kept())
    }

    /// Keeps what was fetched. The note goes first and comes last: what is there with a note is whole.
    fn keep(&self, pulled: &Pulled) -> Result<(), RegistryError> {
        let directory = self.file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(directory).map_err(failed(directory))?;
        for file in [self.note(), self.signature()] {
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed(&file)(error));
                }
                _ => {}
            }
        }
        self.write(&self.file, &pulled.component)?;
        if let Some(signature) = &pulled.signature {
            self.write(&self.signature(), signature.as_bytes())?;
        }
        let note = Note {
            reference: self.reference.clone(),
            digest: pulled.digest,
            component: VersionDigest::of(&pulled.component),
        };
        self.write(&self.note(), &super::artifact::bytes_of(&note))
    }

    /// Writes a file whole, or not at all.
    fn write(&self, file: &Path, bytes: &[u8]) -> Result<(), RegistryError> {
        let partial = file.with_added_extension("new");
        let written = std::fs::write(&partial, bytes);
        let written = written.and_then(|()| std::fs::File::open(&partial)?.sync_all());
        let written = written.and_then(|()| std::fs::rename(&partial, file));
        written.map_err(failed(file))
    }
}

fn failed(file: &Path) -> impl Fn(io::Error) -> RegistryError {
    let file = file.to_owned();
    move |source| RegistryError::Copy {
        file: file.clone(),
        source,
    }
}

fn remove_others(directory: &Path, contexts: &BTreeSet<String>) -> io::Result<()> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // Names of contexts have no dot.
        let context = name.split('.').next().unwrap_or(&name);
        if !contexts.contains(context) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn copy(home: &Path, reference: &str) -> Copy {
        Copy {
            file: home.join("copies/room.wasm"),
            reference: reference.to_owned(),
        }
    }

    fn pulled(component: &'static [u8], signature: Option<&str>) -> Pulled {
        Pulled {
            component: Bytes::from_static(component),
            digest: ContentDigest::of(b"manifest"),
            signature: signature.map(str::to_owned),
        }
    }

    #[test]
    fn what_is_kept_is_what_was_fetched_for_the_same_reference() {
        let home = tempfile::tempdir().unwrap();
        let one = copy(home.path(), "oci://a.example/room:1");
        assert_eq!(one.kept().unwrap(), None);
        one.keep(&pulled(b"one", Some("signed"))).unwrap();
        assert_eq!(one.kept().unwrap(), Some(ContentDigest::of(b"manifest")));
        assert_eq!(std::fs::read_to_string(one.signature()).unwrap(), "signed");
        let other = copy(home.path(), "oci://a.example/room:2");
        assert_eq!(other.kept().unwrap(), None);
        // A signature of what was there before is none of what is there now.
        other.keep(&pulled(b"two", None)).unwrap();
        assert_eq!(other.kept().unwrap(), Some(ContentDigest::of(b"manifest")));
        assert!(!other.signature().exists());
        std::fs::write(&other.file, "damaged").unwrap();
        assert_eq!(other.kept().unwrap(), None);
    }

    #[test]
    fn what_is_kept_for_no_context_any_more_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let one = copy(home.path(), "oci://a.example/room:1");
        let directory = one.file.parent().unwrap();
        remove_others(directory, &BTreeSet::new()).unwrap();
        one.keep(&pulled(b"one", Some("signed"))).unwrap();
        remove_others(directory, &BTreeSet::from(["room".to_owned()])).unwrap();
        assert!(one.kept().unwrap().is_some());
        remove_others(directory, &BTreeSet::new()).unwrap();
        assert_eq!(std::fs::read_dir(directory).unwrap().count(), 0);
    }
}
