//! What an event from outside says of itself beyond what a journal's record of it holds: what its data is, and its extension attributes. It is kept beside the
//! event, in its source's journal, by the commit that took the event in.

use serde::{Deserialize, Serialize};

use super::invoker::Invoker;
use super::record;
use crate::core::{EventId, cloud_event};
use crate::journal::{self, Event, Space, Write};

/// What an event says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attributes {
    /// What its data is.
    pub content_type: String,
    /// The extension attributes, and the schema of its data, by their names.
    pub extensions: Vec<(String, String)>,
}

impl Attributes {
    /// Those of an event from outside; none when they say no more than its data does.
    pub(crate) fn of(
        data: &[u8],
        content_type: Option<String>,
        extensions: Vec<(String, String)>,
    ) -> Option<Self> {
        let derived = cloud_event::content_type(data);
        let content_type = content_type.unwrap_or_else(|| derived.to_owned());
        let is_more = content_type != derived || !extensions.is_empty();
        is_more.then_some(Self {
            content_type,
            extensions,
        })
    }

    /// Those of an event that says nothing of itself.
    fn derived(event: &Event) -> Self {
        Self {
            content_type: cloud_event::content_type(&event.data).to_owned(),
            extensions: Vec::new(),
        }
    }

    /// About how many bytes they add to a commit.
    pub(crate) fn size(&self) -> usize {
        let extensions = self.extensions.iter();
        let extensions = extensions.map(|(name, value)| name.len() + value.len() + 8);
        self.content_type.len() + 64 + extensions.sum::<usize>()
    }

    /// The write that keeps them beside their event.
    pub(crate) fn write(&self, event: &EventId) -> Result<Write, journal::Error> {
        record::write(Space::Meta, &key(event), self)
    }

    /// Those of an event of a source.
    pub(crate) fn read(
        invoker: &Invoker,
        source: &str,
        event: &Event,
    ) -> Result<Self, journal::Error> {
        // A context's events are what their data says, and nothing else.
        let outside = invoker.ledgers.outside.get(source);
        let kept = outside.map_or(Ok(None), |outside| {
            record::find(&outside, Space::Meta, &key(&event.id))
        });
        Ok(kept?.unwrap_or_else(|| Self::derived(event)))
    }
}

fn key(event: &EventId) -> String {
    format!("event-attributes/{event}")
}
