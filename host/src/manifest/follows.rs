//! `[context.<name>.follows]`: what a context follows outside the app.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use super::{ContextSettings, HOST_SOURCE, Manifest, scalar};
use crate::core::{ContextName, InvalidName};

/// `[context.<name>.follows]`: what a context follows outside the app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Follows {
    /// Subjects of NATS, each kept by a JetStream stream. Wildcards are allowed: `"pms.rooms.>"`.
    pub nats: BTreeMap<String, FollowedSubject>,
}

/// `[context.<name>.follows.nats."<subject>"]`: how a context knows what is published there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FollowedSubject {
    /// The source that the context's description names; the subject's first word when absent.
    pub source: Option<String>,
    /// The kind of all its events; when absent, the last word of the CloudEvent's type, or of the message's subject.
    pub kind: Option<String>,
    /// The stream that keeps it; the one that takes the subject when absent.
    #[serde(deserialize_with = "scalar::stream")]
    pub stream: Option<String>,
    /// For how long a CloudEvent that its producer sends again (with the same `source` and `id`) is recognized, and not taken in again; never when absent.
    #[serde(deserialize_with = "scalar::optional_duration")]
    pub deduplicate: Option<Duration>,
    /// With how many messages still to be taken in the host says that it is not ready, and also when they cannot be; no reason when absent.
    #[serde(deserialize_with = "scalar::optional_number")]
    pub unready_when_behind: Option<u32>,
    /// Whether the host says that it is not ready from when the stream has lost something until an operator has acknowledged that.
    pub unready_when_lost: bool,
}

/// A followed subject, whichever contexts follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The source of its events.
    pub source: ContextName,
    /// The subject, perhaps with wildcards.
    pub subject: String,
    /// The kind of its events, if they have one for all.
    pub kind: Option<String>,
    /// The stream, if it is named.
    pub stream: Option<String>,
    /// For how long repeats are recognized, if they are.
    pub deduplicate: Option<Duration>,
    /// With how many messages that wait the host is not ready, if that is a reason.
    pub unready_when_behind: Option<u32>,
    /// Whether the host is not ready while nobody has acknowledged that the stream has lost something.
    pub unready_when_lost: bool,
}

impl Subscription {
    fn read(subject: &str, followed: &FollowedSubject) -> Result<Self, InvalidName> {
        let first = subject.split('.').next().unwrap_or_default();
        Ok(Self {
            source: followed.source.as_deref().unwrap_or(first).parse()?,
            subject: subject.to_owned(),
            kind: followed.kind.clone(),
            stream: followed.stream.clone(),
            deduplicate: followed.deduplicate,
            unready_when_behind: followed.unready_when_behind,
            unready_when_lost: followed.unready_when_lost,
        })
    }
}

impl Manifest {
    /// What is followed outside, each subject once for each source.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        let mut subscriptions: Vec<Subscription> = Vec::new();
        let contexts = self.contexts.values();
        for subscription in contexts.flat_map(ContextSettings::subscriptions) {
            if !subscriptions.contains(&subscription) {
                subscriptions.push(subscription);
            }
        }
        subscriptions
    }
}

impl ContextSettings {
    /// What it follows outside.
    pub fn subscriptions(&self) -> impl Iterator<Item = Subscription> {
        let subjects = self.follows.nats.iter();
        // A manifest with a source that is no name is refused.
        subjects.filter_map(|(subject, followed)| Subscription::read(subject, followed).ok())
    }
}

/// Refuses what cannot be followed: the context, the subject, the setting (if it is one), and what is wrong.
pub(super) fn check(
    manifest: &Manifest,
) -> Result<(), (ContextName, String, Option<&'static str>, String)> {
    let mut accepted: Vec<Subscription> = Vec::new();
    for (context, settings) in &manifest.contexts {
        for (subject, followed) in &settings.follows.nats {
            let refused = |(key, message)| (context.clone(), subject.clone(), key, message);
            let subscription = check_one(manifest, subject, followed).map_err(refused)?;
            let mut others = accepted
                .iter()
                .filter(|other| other.source == subscription.source);
            let clash = others.find(|other| {
                **other != subscription && overlap(&other.subject, &subscription.subject)
            });
            if let Some(other) = clash {
                let message = format!(
                    "`{}`, of the same source, overlaps with this subject; give both the same settings, or one of them another `source`",
                    other.subject
                );
                return Err(refused((None, message)));
            }
            accepted.push(subscription);
        }
    }
    Ok(())
}

fn check_one(
    manifest: &Manifest,
    subject: &str,
    followed: &FollowedSubject,
) -> Result<Subscription, (Option<&'static str>, String)> {
    if !is_pattern(subject) {
        let message = format!(
            "`{subject}` is not a NATS subject; write words with dots between them, `*` for any one word, `>` at the end for all that follow"
        );
        return Err((None, message));
    }
    let no_name = |error| (Some("source"), format!("{error}; set `source`"));
    let subscription = Subscription::read(subject, followed).map_err(no_name)?;
    let source = &subscription.source;
    if source == HOST_SOURCE || manifest.contexts.contains_key(source) {
        let message = format!("`{source}` is a context of this app; set another `source`");
        return Err((Some("source"), message));
    }
    match &subscription.kind {
        Some(kind) if kind.is_empty() || kind.contains('.') => {
            let message = format!(
                "`{kind}` is not an event kind; write one word without dots, such as `RoomClosed`"
            );
            Err((Some("kind"), message))
        }
        _ => Ok(subscription),
    }
}

fn is_pattern(subject: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| !c.is_whitespace() && !c.is_control() && c != '*' && c != '>')
    };
    let mut words = subject.split('.').peekable();
    while let Some(word) = words.next() {
        let is_last = words.peek().is_none();
        if !(is_word(word) || word == "*" || word == ">" && is_last) {
            return false;
        }
    }
    true
}

/// Whether some subject of NATS is meant by both.
pub fn overlap(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        match (one.next(), other.next()) {
            (None, None) | (Some(">"), Some(_)) | (Some(_), Some(">")) => return true,
            (Some(one), Some(other)) if one == "*" || other == "*" || one == other => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_told_from_what_is_none() {
        for subject in ["pms", "pms.rooms.*", "pms.>", ">", "*.b.c", "a.*.é"] {
            assert!(is_pattern(subject), "{subject}");
        }
        for subject in [
            "", ".", "pms.", "pms..x", "pms.>.x", "a b", "pms.x*", "pms.>x",
        ] {
            assert!(!is_pattern(subject), "{subject}");
        }
    }

    #[test]
    fn an_overlap_is_seen_from_both_sides() {
        let pairs = [
            ("a.*.c", "a.b.*"),
            ("a.>", "a.b"),
            (">", "x"),
            ("a.b", "a.b"),
        ];
        for (one, other) in pairs {
            assert!(overlap(one, other) && overlap(other, one), "{one} {other}");
        }
        for (one, other) in [("a.b", "a"), ("a.*", "a"), ("a.>", "a"), ("a.*.c", "a.b.d")] {
            assert!(
                !overlap(one, other) && !overlap(other, one),
                "{one} {other}"
            );
        }
    }
}
