//! What the data of a version's events is made of: of those that it publishes, and of those that it follows, as much as it reads.

use std::collections::BTreeMap;

use super::tables::{Shape, TableCompatibility};
use super::text_budget::{LONGEST, TextBudget};
use crate::guest::{self, EventData};

/// How many events may say what their data is.
const MOST: usize = 2_000;

/// The shapes of the data of events, where they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventTypes {
    /// By kind.
    published: BTreeMap<String, Shape>,
    /// By source and kind.
    read: BTreeMap<(String, String), Shape>,
}

impl EventTypes {
    /// Those that a guest describes.
    ///
    /// # Errors
    ///
    /// What is wrong with the description.
    pub(crate) fn described(description: &guest::Description) -> Result<Self, String> {
        let guest::Description { types, events, .. } = description;
        if events.len() > MOST {
            let count = events.len();
            return Err(format!("{count} of them; there may be {MOST}"));
        }
        let mut all = Self::default();
        let mut text = TextBudget::new();
        for EventData {
            source,
            kind,
            value,
        } in events
        {
            let shape = Shape::described(types, *value)
                .map_err(|problem| format!("event {kind}: {problem}"))?;
            if !text.takes(&shape) {
                return Err(format!(
                    "their types have more than {LONGEST} bytes, counted as often as they are used; make them smaller"
                ));
            }
            let (is_listed, before) = match source {
                None => (
                    description.publishes.contains(kind),
                    all.published.insert(kind.clone(), shape),
                ),
                Some(source) => (
                    description
                        .follows
                        .iter()
                        .any(|followed| followed.source == *source && followed.kind == *kind),
                    all.read.insert((source.clone(), kind.clone()), shape),
                ),
            };
            if !is_listed {
                return Err(format!(
                    "event {kind} is described, and neither published nor followed"
                ));
            }
            if before.is_some() {
                return Err(format!("event {kind} is described twice"));
            }
        }
        Ok(all)
    }

    /// Those that are published, by kind.
    pub fn published(&self) -> impl Iterator<Item = (&str, &Shape)> {
        let published = self.published.iter();
        published.map(|(kind, shape)| (kind.as_str(), shape))
    }

    /// Those that are followed, by source and kind: as much of each as is read.
    pub fn read(&self) -> impl Iterator<Item = (&str, &str, &Shape)> {
        let read = self.read.iter();
        read.map(|((source, kind), shape)| (source.as_str(), kind.as_str(), shape))
    }

    /// Whether it is said what is read of an event.
    pub(crate) fn says_what_is_read(&self, source: &str, kind: &str) -> bool {
        let event = (source.to_owned(), kind.to_owned());
        self.read.contains_key(&event)
    }

    /// What comes of reading an event that is published here as it was published before; nothing where one of the two does not say what it is made of.
    pub(crate) fn keeping(&self, kind: &str, before: &Self) -> TableCompatibility {
        match (self.published.get(kind), before.published.get(kind)) {
            (Some(now), Some(before)) => before.still_reads(kind, now),
            _ => TableCompatibility::default(),
        }
    }

    /// What comes of reading the events of a source that another version publishes there; nothing where one of the two does not say what they are made of.
    pub(crate) fn reading(&self, source: &str, kind: &str, published: &Self) -> TableCompatibility {
        let read = self.read.get(&(source.to_owned(), kind.to_owned()));
        match (read, published.published.get(kind)) {
            (Some(read), Some(published)) => read.read(kind, published),
            _ => TableCompatibility::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::{DataType, Field, Followed, Scalar};

    fn description(events: Vec<EventData>) -> guest::Description {
        let field = |name: &str, value| Field {
            name: name.into(),
            value,
            has_default: false,
        };
        guest::Description {
            summary: String::new(),
            types: vec![
                DataType::Scalar(Scalar::U64),
                DataType::Scalar(Scalar::String),
                DataType::Optional(0),
                DataType::Record(vec![field("id", 0), field("desc", 1)]),
                DataType::Record(vec![field("id", 0), field("description", 1)]),
                DataType::Record(vec![field("id", 1)]),
                DataType::Record(vec![field("id", 0), field("desc", 1), field("beds", 2)]),
                DataType::Record(vec![field("id", 0)]),
            ],
            tables: vec![],
            routes: vec![],
            publishes: vec!["Left".into()],
            follows: vec![Followed {
                source: "desk".into(),
                kind: "Left".into(),
            }],
            compensations: vec![],
            events,
        }
    }

    fn event(source: Option<&str>, kind: &str, value: u32) -> EventData {
        EventData {
            source: source.map(Into::into),
            kind: kind.into(),
            value,
        }
    }

    /// What cannot be read by who reads one type of what is published as another.
    fn unreadable(read: u32, published: u32) -> Vec<String> {
        let types = |events| EventTypes::described(&description(events)).unwrap();
        let reader = types(vec![event(Some("desk"), "Left", read)]);
        let publisher = types(vec![event(None, "Left", published)]);
        reader.reading("desk", "Left", &publisher).unreadable
    }

    #[test]
    fn what_a_follower_reads_must_be_there_and_more_may_be() {
        for (read, published) in [(3, 3), (7, 3), (6, 6), (6, 3), (3, 6)] {
            assert_eq!(unreadable(read, published), [""; 0], "{read} {published}");
        }
        assert_eq!(
            unreadable(3, 4),
            ["`Left.desc` is read, and not published (is it what is published as `description`?)"]
        );
        assert_eq!(unreadable(3, 7), ["`Left.desc` is read, and not published"]);
        assert_eq!(
            unreadable(5, 7),
            ["`Left.id` is published as u64, and read as string"]
        );
    }

    #[test]
    fn what_was_published_stays_for_whoever_does_not_say_what_it_reads() {
        let published = |value| {
            let events = vec![event(None, "Left", value)];
            EventTypes::described(&description(events)).unwrap()
        };
        let lost = |before, now| {
            let (before, now) = (published(before), published(now));
            assert!(!before.says_what_is_read("desk", "Left"));
            now.keeping("Left", &before).unreadable
        };
        assert_eq!(lost(7, 3), [""; 0], "a field more");
        assert_eq!(lost(3, 7), ["`Left.desc` is not published any more"]);
        assert_eq!(
            lost(7, 5),
            ["`Left.id` was published as u64, and is string"]
        );
        let silent = EventTypes::default();
        assert!(silent.keeping("Left", &published(3)).unreadable.is_empty());
    }

    #[test]
    fn what_is_not_said_is_not_compared() {
        let says = EventTypes::described(&description(vec![event(Some("desk"), "Left", 3)]));
        let silent = EventTypes::default();
        let reading = says.unwrap().reading("desk", "Left", &silent);
        assert!(reading.unreadable.is_empty());
    }

    #[test]
    fn only_what_is_published_or_followed_is_described_and_once() {
        for (events, says) in [
            (vec![event(None, "Right", 3)], "neither published"),
            (vec![event(Some("door"), "Left", 3)], "neither published"),
            (
                vec![event(None, "Left", 3), event(None, "Left", 3)],
                "described twice",
            ),
            (vec![event(None, "Left", 99)], "there is no type 99"),
        ] {
            let refused = EventTypes::described(&description(events)).unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
