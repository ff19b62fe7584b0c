//! The one place that events, and what is said of them, pass on their way to operators: what is sensitive in them is left out.
//!
//! A value that one context names as sensitive comes up again elsewhere: in the subject of another event, in why a guest refused it, in what a saga is about. So it is
//! looked for in everything that happened under its correlation id.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use crate::app::Host;
use crate::core::{CorrelationId, EventId};
use crate::journal::{self, Cause, Ending, Event, Header};
use crate::observe::masking::{Cover, MASK, Secrets, Sensitive};

/// Stories that are remembered.
const STORIES: usize = 64;

/// Finds what is not to be shown.
pub(crate) struct Redactor {
    host: Arc<Host>,
    /// Whether any context names anything: if not, nothing is looked for.
    is_needed: bool,
    known: HashMap<CorrelationId, Arc<Known>>,
}

/// What is known of a story.
#[derive(Default)]
struct Known {
    cover: Cover,
    /// The ids of its events.
    events: HashSet<EventId>,
}

/// What is not shown of something.
#[derive(Clone, Default)]
pub(crate) struct Redaction {
    sensitive: Sensitive,
    story: Arc<Known>,
    /// What is sensitive besides.
    own: Cover,
    /// Nothing is shown, because what is sensitive in it cannot be known.
    is_blind: bool,
}

impl Redactor {
    /// For an app.
    pub fn new(host: &Arc<Host>) -> Self {
        let manifest = host.manifest();
        let mut settings = manifest.contexts.values();
        Self {
            is_needed: settings.any(|settings| !settings.sensitive.is_empty()),
            host: host.clone(),
            known: HashMap::new(),
        }
    }

    /// Whether journals are looked into, which blocks.
    pub fn is_needed(&self) -> bool {
        self.is_needed
    }

    /// What is not shown of what belongs to a story in some contexts, or to none. Reads journals.
    ///
    /// # Errors
    ///
    /// When a journal cannot be read.
    pub fn of<'c>(
        &mut self,
        story: Option<&CorrelationId>,
        contexts: impl IntoIterator<Item = &'c str>,
    ) -> Result<Redaction, journal::Error> {
        if !self.is_needed {
            return Ok(Redaction::default());
        }
        Ok(Redaction {
            sensitive: Sensitive::of(&self.host.manifest(), contexts),
            story: match story {
                Some(story) => self.story(story, None)?,
                None => Arc::default(),
            },
            ..Redaction::default()
        })
    }

    /// What is not shown of an event, wherever it is kept.
    ///
    /// # Errors
    ///
    /// When a journal cannot be read.
    pub fn of_event<'c>(
        &mut self,
        event: &Event,
        contexts: impl IntoIterator<Item = &'c str>,
    ) -> Result<Redaction, journal::Error> {
        if !self.is_needed {
            return Ok(Redaction::default());
        }
        let sensitive = Sensitive::of(&self.host.manifest(), contexts);
        let mut secrets = Secrets::default();
        sensitive.note(&event.data, &mut secrets);
        Ok(Redaction {
            story: self.story(&event.correlation_id, Some(&event.id))?,
            own: secrets.cover(),
            sensitive,
            is_blind: false,
        })
    }

    /// What is not shown of a text about an event: when that is not kept any more, nobody can tell what of the text is sensitive.
    ///
    /// # Errors
    ///
    /// When a journal cannot be read.
    pub fn of_what_is_said<'c>(
        &mut self,
        event: &EventId,
        story: Option<&CorrelationId>,
        contexts: impl IntoIterator<Item = &'c str>,
    ) -> Result<Redaction, journal::Error> {
        let redaction = self.of(story, contexts)?;
        let is_blind = self.is_needed && !redaction.story.events.contains(event);
        Ok(Redaction {
            is_blind,
            ..redaction
        })
    }

    /// What is not shown of a commit.
    ///
    /// # Errors
    ///
    /// When a journal cannot be read.
    pub fn of_commit(
        &mut self,
        context: &str,
        header: &Header,
    ) -> Result<Redaction, journal::Error> {
        let story = header.correlation_id.as_ref();
        match (&header.ending, &header.cause) {
            (
                Ending::Abandoned { .. },
                Cause::Event {
                    source, id: event, ..
                },
            ) => self.of_what_is_said(event, story, [context, source]),
            // What a caller was answered may repeat what it gave, which is kept nowhere.
            (Ending::Abandoned { .. }, Cause::Call { .. }) => {
                let redaction = self.of(story, [context])?;
                Ok(redaction.with_texts(None))
            }
            _ => self.of(story, [context]),
        }
    }

    /// For texts of which nobody knows what they are about.
    pub fn of_the_unknown(&self) -> Redaction {
        Redaction {
            is_blind: self.is_needed,
            ..Redaction::default()
        }
    }

    /// What is known of a story: of `new`, if it is one of its events, and of all before it at least.
    fn story(
        &mut self,
        correlation_id: &CorrelationId,
        new: Option<&EventId>,
    ) -> Result<Arc<Known>, journal::Error> {
        let known = self.known.get(correlation_id);
        let known = known.filter(|known| new.is_none_or(|new| known.events.contains(new)));
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let known = Arc::new(self.look_up(correlation_id)?);
        if self.known.len() >= STORIES {
            self.known.clear();
        }
        self.known.insert(correlation_id.clone(), known.clone());
        Ok(known)
    }

    fn look_up(&self, correlation_id: &CorrelationId) -> Result<Known, journal::Error> {
        let mut found = Vec::new();
        let mut contexts = Vec::new();
        let ledgers = self.host.ledgers().own.all();
        for (context, ledger) in ledgers.iter() {
            let commits = ledger.journal().story(correlation_id)?;
            if !commits.is_empty() {
                contexts.push(context.as_str());
            }
            found.extend(commits.into_iter().flat_map(|(_, _, events)| events));
        }
        // They have handled each other's events: what is sensitive to one of them is so for all.
        let sensitive = Sensitive::of(&self.host.manifest(), contexts);
        let mut secrets = Secrets::default();
        for event in &found {
            sensitive.note(&event.data, &mut secrets);
        }
        Ok(Known {
            cover: secrets.cover(),
            events: found.into_iter().map(|event| event.id).collect(),
        })
    }
}

impl Redaction {
    /// And not these texts either, where the contexts name anything as sensitive: nobody says which of them are. Where the texts are not known, nothing is shown.
    pub fn with_texts(self, texts: Option<Vec<String>>) -> Self {
        if self.sensitive.is_empty() {
            return self;
        }
        let mut secrets = Secrets::default();
        for text in texts.iter().flatten() {
            secrets.note(text);
        }
        Self {
            own: secrets.cover(),
            is_blind: texts.is_none(),
            ..self
        }
    }

    /// A text as it may be shown.
    pub fn text(&self, text: String) -> String {
        match self.is_blind && !text.is_empty() {
            true => MASK.to_owned(),
            false => self.story.cover.text(self.own.text(text)),
        }
    }

    /// The data of an event as they may be shown. What is no JSON cannot be looked into, and is not shown where anything is sensitive.
    pub fn data<'d>(&self, data: &'d [u8]) -> Cow<'d, [u8]> {
        let covers = [&self.own, &self.story.cover];
        let is_plain = self.sensitive.is_empty() && covers.iter().all(|cover| cover.is_empty());
        if is_plain || data.is_empty() {
            return Cow::Borrowed(data);
        }
        let shown = match serde_json::from_slice::<Value>(data) {
            Ok(mut value) => {
                self.sensitive.mask(&mut value);
                for cover in covers {
                    cover.value(&mut value);
                }
                value
            }
            Err(_)
                if self.sensitive.is_empty() && !covers.iter().any(|cover| cover.is_in(data)) =>
            {
                return Cow::Borrowed(data);
            }
            Err(_) => Value::from(MASK),
        };
        // What was read as JSON is written as such.
        Cow::Owned(serde_json::to_vec(&shown).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redaction(names: &[&str], secrets: &[&str]) -> Redaction {
        let mut own = Secrets::default();
        secrets.iter().for_each(|text| own.note(text));
        Redaction {
            sensitive: Sensitive::named(names),
            own: own.cover(),
            ..Redaction::default()
        }
    }

    #[test]
    fn what_cannot_be_looked_into_is_not_shown_where_anything_is_sensitive() {
        assert_eq!(&*redaction(&["email"], &[]).data(b"\xff\x00"), br#""***""#);
        assert_eq!(&*redaction(&[], &[]).data(b"\xff\x00"), b"\xff\x00");
        assert_eq!(
            &*redaction(&[], &["somebody"]).data(b"\xffno\x00"),
            b"\xffno\x00"
        );
        assert_eq!(
            &*redaction(&[], &["somebody"]).data(b"\xffsomebody"),
            br#""***""#
        );
        assert_eq!(&*redaction(&[], &[]).data(br#"{"a":  1}"#), br#"{"a":  1}"#);
    }

    #[test]
    fn data_are_masked_by_names_and_by_what_others_name() {
        let shown = redaction(&["email"], &["somebody"]);
        let shown = shown.data(br#"{"email":"x","to":"dear Somebody","n":1}"#);
        let expected = serde_json::json!({"email": "***", "to": "dear ***", "n": 1});
        assert_eq!(serde_json::from_slice::<Value>(&shown).unwrap(), expected);
    }

    #[test]
    fn what_a_call_was_given_is_not_repeated_where_anything_is_sensitive() {
        let given = || {
            Some(vec![
                "somebody".to_owned(),
                "471147".to_owned(),
                "7".to_owned(),
            ])
        };
        let said = "answered Err(refused(\"no room 7 for Somebody, card 471147\"))";
        let shown = |redaction: Redaction| redaction.text(said.to_owned());
        assert_eq!(
            shown(redaction(&["email"], &[]).with_texts(given())),
            "answered Err(refused(\"no room 7 for ***, card ***\"))"
        );
        assert_eq!(shown(redaction(&["email"], &[]).with_texts(None)), MASK);
        assert_eq!(shown(redaction(&[], &[]).with_texts(given())), said);
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let blind = Redaction {
            is_blind: true,
            ..Redaction::default()
        };
        assert_eq!(blind.text("no mail to a@b.example".into()), MASK);
        assert_eq!(blind.text(String::new()), "");
    }
}
