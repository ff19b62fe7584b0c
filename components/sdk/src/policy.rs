use serde::de::DeserializeOwned;
use serde::de::value::{Error, SeqDeserializer, StrDeserializer};

use crate::bindings::innkeeper::context::types::Event as Delivered;
use crate::{Event, Fault};

pub use crate::bindings::exports::innkeeper::context::policies::PolicyError;

/// How a policy ends. With an error nothing that was staged is committed.
pub type Outcome = Result<(), PolicyError>;

/// An event that happened in a followed context.
#[derive(Debug, Clone, PartialEq)]
pub struct Happened<E: Event> {
    /// What it carries.
    pub data: E::Data,
    /// The event's id: unique, and the same for a repeated delivery.
    pub id: String,
    /// The aggregate that it is about.
    pub subject: String,
    /// When it was committed, in milliseconds since 1970-01-01T00:00:00Z.
    pub time: u64,
    /// What its data was when it was published, as a media type.
    pub content_type: String,
    /// The extension attributes of a CloudEvent from outside, and `dataschema`: names and values.
    pub extensions: Vec<(String, String)>,
}

impl<E: Event> Happened<E> {
    /// An extension attribute of a CloudEvent from outside.
    pub fn extension(&self, name: &str) -> Option<&str> {
        let mut extensions = self.extensions.iter();
        let (_, value) = extensions.find(|(found, _)| found == name)?;
        Some(value)
    }
}

impl From<Fault> for PolicyError {
    fn from(fault: Fault) -> Self {
        Self::Retry(fault.to_string())
    }
}

/// A function that handles events of a kind: it takes what the event carries, or all that is known of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no policy for the event `{E}`",
    note = "a policy takes the event's data, or `Happened<{E}>`, and returns `Outcome`"
)]
pub trait Policy<E: Event, P> {
    /// Handles one.
    ///
    /// # Errors
    /// Whether to try again, or to give up.
    fn handle(&self, happened: Happened<E>) -> Outcome;
}

impl<E: Event, F: Fn(Happened<E>) -> Outcome> Policy<E, Happened<E>> for F {
    fn handle(&self, happened: Happened<E>) -> Outcome {
        self(happened)
    }
}

impl<E: Event, F: Fn(E::Data) -> Outcome> Policy<E, (E::Data,)> for F {
    fn handle(&self, happened: Happened<E>) -> Outcome {
        self(happened.data)
    }
}

/// Runs a policy. Data that it cannot read will not get better: the event is rejected.
pub fn dispatch<E: Event, P>(policy: impl Policy<E, P>, event: Delivered) -> Outcome {
    let data = read(&event.content_type, &event.data).map_err(|error| {
        PolicyError::Reject(format!("the data of {} cannot be read: {error}", E::KIND))
    })?;
    policy.handle(Happened {
        data,
        id: event.id,
        subject: event.subject,
        time: event.time,
        content_type: event.content_type,
        extensions: event.extensions,
    })
}

/// What an event carries. What says that it is no JSON is a `String`, when it is text, or a `Vec<u8>`; what is neither for the policy may be JSON all the same,
/// since not every producer says what it sends.
fn read<D: DeserializeOwned>(content_type: &str, data: &[u8]) -> Result<D, serde_json::Error> {
    if !is_json(content_type) {
        let text: Option<StrDeserializer<'_, Error>> =
            std::str::from_utf8(data).ok().map(StrDeserializer::new);
        if let Some(Ok(read)) = text.map(D::deserialize) {
            return Ok(read);
        }
        let bytes = SeqDeserializer::<_, Error>::new(data.iter().copied());
        if let Ok(read) = D::deserialize(bytes) {
            return Ok(read);
        }
    }
    serde_json::from_slice(data)
}

fn is_json(content_type: &str) -> bool {
    let (media_type, _) = content_type.split_once(';').unwrap_or((content_type, ""));
    let media_type = media_type.trim().to_ascii_lowercase();
    media_type.ends_with("/json") || media_type.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_read_as_what_it_says_that_it_is() {
        let text: String = read("text/xml", b"<a/>").unwrap();
        assert_eq!(text, "<a/>");
        let text: String = read("application/json; charset=utf-8", b"\"a\"").unwrap();
        assert_eq!(text, "a");
        let bytes: Vec<u8> = read("image/png", &[1, 0xff]).unwrap();
        assert_eq!(bytes, [1, 0xff]);
        let number: u32 = read("text/plain", b"7").unwrap();
        assert_eq!(number, 7, "it is JSON, whatever it says");
        assert!(read::<String>("application/json", b"<a/>").is_err());
    }
}
