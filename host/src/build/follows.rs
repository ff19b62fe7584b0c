//! The events that a new context follows: what is written for them.

use super::Error;
use crate::core::nearest;

/// What a module in Rust that follows an event has of the SDK and the language: no kind may be called so.
const NAMES_OF_RUST: [&str; 5] = ["EventData", "Happened", "Ok", "Outcome", "Self"];

/// An event that a context is to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// The context that follows it.
    pub follower: String,
    /// The context that publishes it, or a source outside.
    pub source: String,
    /// Its kind.
    pub kind: String,
}

impl Followed {
    /// Reads `mill:barn/EntryWritten`; or `barn/EntryWritten`, where one context only is made.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read(text: &str, contexts: &[String]) -> Result<Self, Error> {
        let refused = || {
            Error::Interface {
            text: text.into(),
            reason: "what is followed is named as `mill:barn/EntryWritten`: who follows, whose event it is, and its kind"
                .into(),
        }
        };
        let (follower, event) = match (text.split_once(':'), contexts) {
            (Some((follower, event)), _) => (follower, event),
            (None, [context]) => (context.as_str(), text),
            (None, _) => return Err(refused()),
        };
        let (source, kind) = event.split_once('/').ok_or_else(refused)?;
        let is_kind = kind.starts_with(|first: char| first.is_ascii_uppercase())
            && kind.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && kind.len() <= 100;
        if !is_kind || !super::template::is_name(source) {
            return Err(refused());
        }
        Ok(Self {
            follower: follower.into(),
            source: source.into(),
            kind: kind.into(),
        })
    }

    /// Refuses one whose follower is not made, or that another has the module of.
    pub(super) fn check(&self, contexts: &[String], all: &[Self]) -> Result<(), Error> {
        let text = || format!("{}:{}/{}", self.follower, self.source, self.kind);
        if !contexts.contains(&self.follower) {
            return Err(Error::Interface {
                text: text(),
                reason: format!(
                    "{} is not made here{}",
                    self.follower,
                    nearest::suggestion(&self.follower, contexts)
                ),
            });
        }
        let refused = |reason: &str| Error::Interface {
            text: text(),
            reason: reason.into(),
        };
        if self.source == self.follower {
            return Err(refused(
                "its own events are followed by its sample, or by hand where there is none",
            ));
        }
        if NAMES_OF_RUST.contains(&&*self.kind) {
            return Err(refused(
                "the SDK has something of that name: follow it by hand",
            ));
        }
        let same = |other: &&Self| other.follower == self.follower && other.name() == self.name();
        match all.iter().filter(same).count() {
            1 => Ok(()),
            _ => Err(refused(
                "another event that it follows is called the same: add one of them by hand",
            )),
        }
    }

    /// Its kind as a part of the names of files and functions: `EntryWritten` is `entry_written`.
    pub(super) fn name(&self) -> String {
        let mut name = String::new();
        for letter in self.kind.chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }

    pub(super) fn fill(&self, template: &str) -> String {
        template
            .replace("__source__", &self.source)
            .replace("__source_name__", &self.source.replace('-', "_"))
            .replace("__Kind__", &self.kind)
            .replace("__kind__", &self.name())
    }
}
