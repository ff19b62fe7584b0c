//! Copies of the components that the manifest names in registries, one for each context: a host starts again when no registry answers.
//!
//! What a reference has been resolved to stays, whatever becomes of its tag, until the manifest has another reference.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Pulled, Registries, RegistryError, Sought};
use crate::core::{ContentDigest, ContextName, VersionDigest, check_name};
use crate::manifest::OciReference;

/// Where they are in a data directory.
const DIRECTORY: &str = "registry";
/// What the files of a copy are: the component, its signature, and the note of what it is.
const PARTS: [&str; 3] = ["wasm", "wasm.sig", "json"];

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
    /// What did not go well and did not matter, for people.
    pub notes: Vec<String>,
}

/// What the manifest names for a context.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The context.
    pub context: &'a ContextName,
    /// What it names.
    pub reference: &'a OciReference,
    /// The signature that it should have.
    pub sought: &'a Sought,
    /// Whether it does not serve without one.
    pub needs_signature: bool,
    /// How big it may be, in bytes.
    pub largest: u64,
    /// Until when it is fetched.
    pub until: Instant,
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
    /// Those in a data directory; there need not be any yet.
    pub fn of(data: &Path) -> Self {
        Self {
            directory: data.join(DIRECTORY),
        }
    }

    /// Where a file of a copy is in the data directory; none where no copy has one of that name.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        let (context, part) = name.split_once('.')?;
        let is_of_copy = check_name(context).is_ok() && PARTS.contains(&part);
        is_of_copy.then(|| self.directory.join(name))
    }

    /// The names of all files of copies that are there.
    ///
    /// # Errors
    ///
    /// When the directory cannot be read.
    pub fn files(&self) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            // What is still being written is none yet.
            if self.file(&name).is_some() {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// The component of a context: as it is kept, or else as it is fetched, in the time that there is. A signature that is needed, and is missing or not good any more, is
    /// looked for again.
    ///
    /// # Errors
    ///
    /// When it has to be fetched and cannot be, or cannot be kept.
    pub async fn obtain(
        &self,
        registries: &Registries,
        named: Named<'_>,
    ) -> Result<Obtained, RegistryError> {
        let Named {
            context,
            reference,
            sought,
            ..
        } = named;
        let copy = KeptCopy {
            file: self
                .directory
                .join(context.as_str())
                .with_added_extension("wasm"),
            reference: reference.clone(),
        };
        let wanted = match copy.clone().blocking(KeptCopy::kept).await? {
            Kept::Whole { digest, component } => {
                let mut notes = Vec::new();
                if named.needs_signature {
                    let renewed = copy.renew(registries, digest, component, sought).await?;
                    notes.extend(renewed);
                }
                return Ok(Obtained {
                    file: copy.file,
                    digest,
                    is_new: false,
                    notes,
                });
            }
            // The tag may be another one's by now.
            Kept::Resolved(digest) => {
                tracing::warn!(
                    context = context.as_str(),
                    %digest,
                    "the copy of {reference} is damaged or gone; it is fetched again by the digest that the tag was resolved to; another reference, or `innkeeper deploy`, takes its place"
                );
                reference.pinned(digest)
            }
            Kept::Nothing => reference.clone(),
        };
        let within = named.until.saturating_duration_since(Instant::now());
        let pulling = registries.pull(&wanted, named.largest, sought, within);
        let mut pulled = pulling.await?;
        let obtained = Obtained {
            file: copy.file.clone(),
            digest: pulled.digest,
            is_new: true,
            notes: std::mem::take(&mut pulled.notes),
        };
        copy.blocking(move |copy| copy.keep(&pulled)).await?;
        Ok(obtained)
    }

    /// Removes what is kept for other contexts than these.
    pub async fn keep_only(&self, contexts: BTreeSet<ContextName>) {
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
struct KeptCopy {
    file: PathBuf,
    /// What the manifest names.
    reference: OciReference,
}

/// What there is of a copy.
#[derive(Debug, PartialEq, Eq)]
enum Kept {
    /// All of it, as it was written.
    Whole {
        digest: ContentDigest,
        component: VersionDigest,
    },
    /// The component is missing or damaged, but it is known what the reference was resolved to.
    Resolved(ContentDigest),
    /// Nothing of this reference.
    Nothing,
}

impl KeptCopy {
    /// Looks for a good signature, where the one that is kept is none. Gives what did not go well: whether it may serve without is not decided here.
    async fn renew(
        &self,
        registries: &Registries,
        digest: ContentDigest,
        component: VersionDigest,
        sought: &Sought,
    ) -> Result<Option<String>, RegistryError> {
        let kept = self.clone().blocking(|copy| read(&copy.signature()));
        let kept = kept.await?.and_then(|kept| String::from_utf8(kept).ok());
        if kept
            .as_ref()
            .is_some_and(|kept| sought.accepts(component, kept.trim()))
        {
            return Ok(None);
        }
        let pinned = self.reference.pinned(digest);
        match registries.signature(&pinned, component, sought).await {
            Ok(Some(found)) if kept.as_deref() != Some(found.as_str()) => {
                let keep = move |copy: &Self| copy.write(&copy.signature(), found.as_bytes());
                self.clone().blocking(keep).await?;
                Ok(None)
            }
            Ok(_) => Ok(None),
            Err(error) => Ok(Some(super::unread(&error))),
        }
    }

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

    /// What is kept of this reference. Where it names a digest, that says it all.
    fn kept(&self) -> Result<Kept, RegistryError> {
        let is_of_it = |note: &Note| match self.reference.digest {
            Some(digest) => note.digest == digest,
            None => note.reference == self.reference.to_string(),
        };
        let Some(Note {
            digest, component, ..
        }) = self.read_note()?.filter(is_of_it)
        else {
            return Ok(Kept::Nothing);
        };
        let bytes = read(&self.file)?;
        let is_whole = bytes.is_some_and(|bytes| VersionDigest::of(&bytes) == component);
        Ok(match is_whole {
            true => Kept::Whole { digest, component },
            false => Kept::Resolved(digest),
        })
    }

    /// What is noted of it; none where nothing is, or nothing that can be read.
    fn read_note(&self) -> Result<Option<Note>, RegistryError> {
        let note = read(&self.note())?;
        Ok(note.and_then(|note| serde_json::from_slice(&note).ok()))
    }

    /// Keeps what was fetched. A note of another one goes first, and the new one comes last.
    fn keep(&self, pulled: &Pulled) -> Result<(), RegistryError> {
        let directory = self.file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(directory).map_err(failed(directory))?;
        // What the tag was resolved to is not to be forgotten meanwhile.
        let is_known = self
            .read_note()?
            .is_some_and(|note| note.digest == pulled.digest);
        let note = (!is_known).then(|| self.note());
        for file in note.into_iter().chain([self.signature()]) {
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed(&file)(error));
                }
                _ => {}
            }
        }
        // Else, after a power failure, what is removed might stand beside what is written now.
        sync(directory)?;
        self.write(&self.file, &pulled.component)?;
        if let Some(signature) = &pulled.signature {
            self.write(&self.signature(), signature.as_bytes())?;
        }
        let note = Note {
            reference: self.reference.to_string(),
            digest: pulled.digest,
            component: VersionDigest::of(&pulled.component),
        };
        self.write(&self.note(), &super::artifact::bytes_of(&note))?;
        sync(directory)
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

/// A file, where it is there.
fn read(file: &Path) -> Result<Option<Vec<u8>>, RegistryError> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(file)(error)),
    }
}

/// Has what a directory names on disk.
fn sync(directory: &Path) -> Result<(), RegistryError> {
    let opened = std::fs::File::open(directory);
    let synced = opened.and_then(|directory| directory.sync_all());
    synced.map_err(failed(directory))
}

fn failed(file: &Path) -> impl Fn(io::Error) -> RegistryError {
    let file = file.to_owned();
    move |source| RegistryError::Copy {
        file: file.clone(),
        source,
    }
}

fn remove_others(directory: &Path, contexts: &BTreeSet<ContextName>) -> io::Result<()> {
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

    fn copy(home: &Path, reference: &str) -> KeptCopy {
        KeptCopy {
            file: home.join("copies/room.wasm"),
            reference: reference.parse().unwrap(),
        }
    }

    fn whole(component: &[u8]) -> Kept {
        Kept::Whole {
            digest: ContentDigest::of(b"manifest"),
            component: VersionDigest::of(component),
        }
    }

    fn pulled(component: &'static [u8], signature: Option<&str>) -> Pulled {
        Pulled {
            component: Bytes::from_static(component),
            digest: ContentDigest::of(b"manifest"),
            signature: signature.map(str::to_owned),
            notes: Vec::new(),
        }
    }

    #[test]
    fn what_is_kept_is_what_was_fetched_for_the_same_reference() {
        let home = tempfile::tempdir().unwrap();
        let one = copy(home.path(), "oci://a.example/room:1");
        assert_eq!(one.kept().unwrap(), Kept::Nothing);
        one.keep(&pulled(b"one", Some("signed"))).unwrap();
        assert_eq!(one.kept().unwrap(), whole(b"one"));
        assert_eq!(std::fs::read_to_string(one.signature()).unwrap(), "signed");
        let other = copy(home.path(), "oci://a.example/room:2");
        assert_eq!(other.kept().unwrap(), Kept::Nothing);
        // A signature of what was there before is none of what is there now.
        other.keep(&pulled(b"two", None)).unwrap();
        assert_eq!(other.kept().unwrap(), whole(b"two"));
        assert!(!other.signature().exists());
    }

    #[test]
    fn to_pin_what_a_tag_was_resolved_to_fetches_nothing_and_what_is_damaged_is_fetched_by_its_digest()
     {
        let home = tempfile::tempdir().unwrap();
        let tagged = copy(home.path(), "oci://a.example/room:1");
        tagged.keep(&pulled(b"one", None)).unwrap();
        let digest = ContentDigest::of(b"manifest");
        let pinned = format!("oci://a.example/room:1@{digest}");
        let pinned = copy(home.path(), &pinned);
        assert_eq!(pinned.kept().unwrap(), whole(b"one"));
        let another = format!("oci://a.example/room:1@{}", ContentDigest::of(b""));
        let another = copy(home.path(), &another);
        assert_eq!(another.kept().unwrap(), Kept::Nothing);
        std::fs::write(&tagged.file, "damaged").unwrap();
        assert_eq!(tagged.kept().unwrap(), Kept::Resolved(digest));
        std::fs::remove_file(&tagged.file).unwrap();
        assert_eq!(tagged.kept().unwrap(), Kept::Resolved(digest));
        // What cannot be read is not missing.
        std::fs::create_dir(&tagged.file).unwrap();
        assert!(tagged.kept().is_err());
    }

    #[test]
    fn a_copy_is_of_three_files_and_no_others() {
        let home = tempfile::tempdir().unwrap();
        let copies = KeptCopies::of(home.path());
        assert!(copies.files().unwrap().is_empty());
        let one = KeptCopy {
            file: home.path().join("registry/room.wasm"),
            reference: "oci://a.example/room:1".parse().unwrap(),
        };
        one.keep(&pulled(b"one", Some("signed"))).unwrap();
        std::fs::write(home.path().join("registry/room.wasm.new"), "half").unwrap();
        let mut files = copies.files().unwrap();
        files.sort();
        assert_eq!(files, ["room.json", "room.wasm", "room.wasm.sig"]);
        assert_eq!(copies.file("room.wasm"), Some(one.file));
        for other in [
            "room",
            "room.exe",
            "../room.wasm",
            "Room.wasm",
            ".wasm",
            "a/b.wasm",
        ] {
            assert_eq!(copies.file(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_kept_for_no_context_any_more_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let one = copy(home.path(), "oci://a.example/room:1");
        let directory = one.file.parent().unwrap();
        remove_others(directory, &BTreeSet::new()).unwrap();
        one.keep(&pulled(b"one", Some("signed"))).unwrap();
        remove_others(directory, &BTreeSet::from(["room".into()])).unwrap();
        assert_eq!(one.kept().unwrap(), whole(b"one"));
        remove_others(directory, &BTreeSet::new()).unwrap();
        assert_eq!(std::fs::read_dir(directory).unwrap().count(), 0);
    }
}
