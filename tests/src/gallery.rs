//! The gallery of versions that must not come to serve: one folder of `tests/gallery` each, and what is said of it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::Value;

use crate::{Settings, artifacts};

/// What `room-moody` is found by; its mood follows, filled up with dots.
const MOOD: &str = "the mood of this component: ";
/// How long a mood may be.
const LONGEST_MOOD: usize = 64 - MOOD.len();

/// Where a bad version is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// It is no component, or too big for one.
    Component,
    /// It is not signed by whom it must be.
    Signature,
    /// It has failed before.
    Quarantine,
    /// It imports what nobody grants.
    Imports,
    /// It cannot be compiled within bounds.
    Compile,
    /// It does not export what the contract asks for.
    Contract,
    /// It does not say what it is.
    Describe,
    /// Another context could not call it any more.
    Consumers,
    /// It describes routes that it cannot have.
    Routes,
    /// It does not publish what others follow, or follows what nobody publishes.
    Events,
    /// It cannot work with the state that there is.
    Schema,
    /// It does not become ready.
    Ready,
    /// It is worse than the old version while both serve.
    Ramp,
    /// It is worse than the old version was, after it has taken over.
    Watch,
}

/// A bad version: what is deployed, how, and what must come of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The name of its folder.
    #[serde(skip)]
    pub name: String,
    /// The context that it is deployed to.
    pub context: String,
    /// Settings of the manifest, for example `"context.room.limits.memory" = "16MiB"`.
    #[serde(default)]
    pub settings: BTreeMap<String, Value>,
    /// Options of the deployment, for example `ramp = "10,100"`.
    #[serde(default)]
    pub deploy: BTreeMap<String, String>,
    /// Whether guests come and go meanwhile.
    #[serde(default)]
    pub traffic: bool,
    /// Where it must be stopped.
    pub gate: Gate,
    /// What the refusal must contain.
    pub says: Vec<String>,
    /// A component of the app or of the tests.
    component: Option<String>,
    /// A component as text.
    text: Option<String>,
    /// No component at all.
    raw: Option<String>,
    /// The mood that the component is in.
    mood: Option<String>,
    /// How many bytes are left of it.
    cut: Option<usize>,
    /// How many modules it has besides, which only take time to compile.
    #[serde(default)]
    modules: usize,
    /// Whether its digest is one that was never seen, so that nothing of it is in a cache.
    #[serde(default)]
    fresh: bool,
}

impl Case {
    /// Every case of the gallery, by name.
    pub fn all() -> Vec<Self> {
        let gallery = artifacts::repository().join("tests/gallery");
        let folders = std::fs::read_dir(&gallery).expect("there is a gallery");
        let mut cases: Vec<_> = folders
            .map(|folder| Self::read(&folder.expect("the gallery can be read").path()))
            .collect();
        cases.sort_by(|one, other| one.name.cmp(&other.name));
        cases
    }

    fn read(folder: &Path) -> Self {
        let file = folder.join("case.toml");
        let fault = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text =
            std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}", fault(&error)));
        let case: Self = toml::from_str(&text).unwrap_or_else(|error| panic!("{}", fault(&error)));
        let name = folder.file_name().expect("a folder has a name");
        Self {
            name: name.to_string_lossy().into_owned(),
            ..case
        }
    }

    /// The settings with those of the case.
    pub fn settle(&self, settings: Settings) -> Settings {
        let ours = self.settings.iter();
        ours.fold(settings, |settings, (path, value)| {
            settings.set(path, value.clone())
        })
    }

    /// What is uploaded.
    pub async fn bytes(&self) -> Vec<u8> {
        let mut bytes = match (&self.component, &self.text, &self.raw) {
            (Some(name), None, None) => {
                let file = artifacts::components().await.get(name);
                let file = file.unwrap_or_else(|| panic!("{}: no component {name}", self.name));
                std::fs::read(file).expect("the component can be read")
            }
            (None, Some(text), None) => {
                wat::parse_str(text).unwrap_or_else(|error| panic!("{}: {error}", self.name))
            }
            (None, None, Some(raw)) => raw.clone().into_bytes(),
            _ => panic!("{}: either a component, or a text, or raw", self.name),
        };
        if let Some(mood) = &self.mood {
            bytes = in_a_mood(bytes, mood);
        }
        if self.modules > 0 {
            bytes = artifacts::with_modules(bytes, self.modules);
        }
        if self.fresh {
            bytes = artifacts::with_section(bytes, &rand::random::<u64>().to_string());
        }
        if let Some(length) = self.cut {
            bytes.truncate(length);
        }
        bytes
    }
}

/// `room-moody` in one of its moods. They are listed where it is told what to do: tests/components/room-moody/src/mood.rs.
pub fn in_a_mood(mut moody: Vec<u8>, mood: &str) -> Vec<u8> {
    assert!(mood.len() < LONGEST_MOOD, "{mood} is too long for a mood");
    let marks = moody.windows(MOOD.len());
    let places: Vec<_> = marks
        .enumerate()
        .filter(|(_, bytes)| *bytes == MOOD.as_bytes())
        .map(|(place, _)| place + MOOD.len())
        .collect();
    let [begin] = places[..] else {
        panic!(
            "{} places for a mood; a component that can be in one has one",
            places.len()
        )
    };
    let filled = mood.bytes().chain(std::iter::repeat(b'.'));
    for (place, byte) in moody[begin..begin + LONGEST_MOOD].iter_mut().zip(filled) {
        *place = byte;
    }
    moody
}

#[cfg(test)]
mod tests;
