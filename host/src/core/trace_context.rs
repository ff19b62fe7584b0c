//! W3C Trace Context and Baggage: where an invocation is in a trace that may have begun elsewhere, and what came along with it.

use std::{fmt, num::NonZeroU64, sync::Arc};

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::CorrelationId;

/// A place in a trace: the trace, the span there, the span above it, and what came along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Stored", from = "Stored")]
pub struct TraceContext {
    trace_id: u128,
    span_id: NonZeroU64,
    /// None where it is the first of its trace, or where the one above is not known.
    parent: Option<NonZeroU64>,
    flags: u8,
    /// Whether the trace began elsewhere.
    is_continued: bool,
    state: Option<Arc<str>>,
    baggage: Option<Arc<str>>,
}

/// A place in a trace as it is stored: what is needed to go on from there.
#[derive(Serialize, Deserialize)]
struct Stored {
    trace_id: u128,
    span_id: NonZeroU64,
    flags: u8,
    is_continued: bool,
    state: Option<String>,
    baggage: Option<String>,
}

impl From<TraceContext> for Stored {
    fn from(trace: TraceContext) -> Self {
        Self {
            trace_id: trace.trace_id,
            span_id: trace.span_id,
            flags: trace.flags,
            is_continued: trace.is_continued,
            state: trace.state.as_deref().map(str::to_owned),
            baggage: trace.baggage.as_deref().map(str::to_owned),
        }
    }
}

impl From<Stored> for TraceContext {
    fn from(stored: Stored) -> Self {
        Self {
            trace_id: stored.trace_id,
            span_id: stored.span_id,
            parent: None,
            flags: stored.flags,
            is_continued: stored.is_continued,
            state: stored.state.map(Into::into),
            baggage: stored.baggage.map(Into::into),
        }
    }
}

/// The flags that this version of the standard knows: sampled, random.
const KNOWN_FLAGS: u8 = 0b11;
/// Sampled, and the trace id is random.
const OWN_FLAGS: u8 = 0b11;
/// The flag that says that a trace is recorded.
const SAMPLED: u8 = 1;
/// The longest `tracestate` that is passed on.
const LONGEST_STATE: usize = 512;
/// The longest `baggage` that is passed on: it goes with every event, so it is less than the standard's 8,192.
const LONGEST_BAGGAGE: usize = 2_048;

impl TraceContext {
    /// The first span of a new trace.
    pub fn new() -> Self {
        let mut random = rand::rng();
        Self {
            trace_id: random.random_range(1..=u128::MAX),
            span_id: random.random(),
            parent: None,
            flags: OWN_FLAGS,
            is_continued: false,
            state: None,
            baggage: None,
        }
    }

    /// A span without one above it, in the trace that a story is known by; in a new trace where the story has another id.
    pub fn of_story(id: &CorrelationId) -> Self {
        let digits = id.as_str().as_bytes();
        let trace_id = match digits.len() {
            32 => hexadecimal(digits).filter(|id| *id != 0),
            _ => None,
        };
        match trace_id {
            Some(trace_id) => Self {
                trace_id,
                span_id: rand::rng().random(),
                parent: None,
                flags: OWN_FLAGS,
                is_continued: false,
                state: None,
                baggage: None,
            },
            None => Self::new(),
        }
    }

    /// Reads a `traceparent`. None when it is malformed: the standard asks to begin a new trace then.
    pub fn parse(traceparent: &str) -> Option<Self> {
        let bytes = traceparent.as_bytes();
        let (version, rest) = bytes.split_at_checked(2)?;
        let version = hexadecimal(version)?;
        let (rest, future) = rest.split_at_checked(53)?;
        // Version 0 ends here; a later one may say more, after a dash.
        let ends_well = match future.first() {
            None => true,
            Some(byte) => version > 0 && *byte == b'-',
        };
        let [b'-', rest @ ..] = rest else { return None };
        let (trace_id, rest) = rest.split_at_checked(32)?;
        let [b'-', rest @ ..] = rest else { return None };
        let (span_id, rest) = rest.split_at_checked(16)?;
        let [b'-', flags @ ..] = rest else {
            return None;
        };
        if version == 0xff || !ends_well {
            return None;
        }
        Some(Self {
            trace_id: Some(hexadecimal(trace_id)?).filter(|id| *id != 0)?,
            span_id: NonZeroU64::new(u64::try_from(hexadecimal(span_id)?).ok()?)?,
            parent: None,
            flags: u8::try_from(hexadecimal(flags)?).ok()? & KNOWN_FLAGS,
            is_continued: true,
            state: None,
            baggage: None,
        })
    }

    /// The same place, with the `tracestate` that came along. One that is too long or not visible ASCII is dropped, as the standard allows.
    pub fn with_state(mut self, tracestate: &str) -> Self {
        self.state = fits(tracestate, LONGEST_STATE).then(|| tracestate.into());
        self
    }

    /// The same place, with the `baggage` that came along. One that is too long or not visible ASCII is dropped.
    pub fn with_baggage(mut self, baggage: &str) -> Self {
        self.baggage = fits(baggage, LONGEST_BAGGAGE).then(|| baggage.into());
        self
    }

    /// The same place, in a trace that is recorded or not.
    pub fn with_sampled(mut self, sampled: bool) -> Self {
        self.flags = match sampled {
            true => self.flags | SAMPLED,
            false => self.flags & !SAMPLED,
        };
        self
    }

    /// The id of the story of what has no other.
    pub fn correlation_id(&self) -> CorrelationId {
        CorrelationId::of_bytes(self.trace_id.to_be_bytes())
    }

    /// A new span under this one.
    pub fn child(&self) -> Self {
        Self {
            span_id: rand::rng().random(),
            parent: Some(self.span_id),
            ..self.clone()
        }
    }

    /// The bytes of the trace's id.
    pub fn trace_id_bytes(&self) -> [u8; 16] {
        self.trace_id.to_be_bytes()
    }

    /// The bytes of the span's id.
    pub fn span_id_bytes(&self) -> [u8; 8] {
        self.span_id.get().to_be_bytes()
    }

    /// The bytes of the id of the span above; zeroes, which are no id, where there is none.
    pub fn parent_id_bytes(&self) -> [u8; 8] {
        self.parent.map_or([0; 8], |id| id.get().to_be_bytes())
    }

    /// Whether the trace began elsewhere.
    pub fn is_continued(&self) -> bool {
        self.is_continued
    }

    /// The trace's id, 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        hex::encode(self.trace_id.to_be_bytes())
    }

    /// The span's id, 16 hexadecimal digits.
    pub fn span_id(&self) -> String {
        hex::encode(self.span_id.get().to_be_bytes())
    }

    /// Whether the trace is recorded by whoever began it.
    pub fn sampled(&self) -> bool {
        self.flags & SAMPLED == SAMPLED
    }

    /// The `tracestate` to pass on.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// How many bytes came along: what goes with every event.
    pub fn carried(&self) -> usize {
        let length = |text: Option<&str>| text.map_or(0, str::len);
        length(self.state()) + length(self.baggage())
    }

    /// The `baggage` to pass on.
    pub fn baggage(&self) -> Option<&str> {
        self.baggage.as_deref()
    }
}

/// Whether what came along may be passed on.
fn fits(text: &str, longest: usize) -> bool {
    !text.is_empty()
        && text.len() <= longest
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

impl Default for TraceContext {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for TraceContext {
    /// As a `traceparent`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Digit by digit through `fmt` would cost more than the rest of a response's head.
        let mut digits = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let (_, rest) = digits.split_at_mut(3);
        let (trace_id, rest) = rest.split_at_mut(32);
        let (span_id, flags) = rest[1..].split_at_mut(16);
        let written = hex::encode_to_slice(self.trace_id.to_be_bytes(), trace_id)
            .and_then(|()| hex::encode_to_slice(self.span_id.get().to_be_bytes(), span_id))
            .and_then(|()| hex::encode_to_slice([self.flags], &mut flags[1..]));
        written.map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

/// The value of lower case hexadecimal digits, the only ones that the standard allows.
fn hexadecimal(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0u128, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_survives_reading_and_writing() {
        let context = TraceContext::parse(PARENT).unwrap();
        assert_eq!(context.to_string(), PARENT);
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id(), "00f067aa0ba902b7");
        assert!(context.sampled());
        assert!(
            !TraceContext::parse(&PARENT.replace("-01", "-00"))
                .unwrap()
                .sampled()
        );
    }

    #[test]
    fn malformed_ones_are_refused() {
        for malformed in [
            "",
            "00",
            "00-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
        ] {
            assert_eq!(TraceContext::parse(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn later_versions_are_read_as_this_one() {
        let context = TraceContext::parse(
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-09-what-the-future-brings",
        )
        .unwrap();
        assert_eq!(context.to_string(), PARENT);
    }

    #[test]
    fn a_child_is_another_span_of_the_same_trace() {
        let parent = TraceContext::parse(PARENT).unwrap().with_state("vendor=1");
        let child = parent.child();
        assert_eq!(child.trace_id(), parent.trace_id());
        assert_ne!(child.span_id(), parent.span_id());
        assert_eq!(child.state(), Some("vendor=1"));
    }

    #[test]
    fn what_belongs_to_a_story_is_in_its_trace() {
        let begun = TraceContext::new();
        let later = TraceContext::of_story(&begun.correlation_id());
        assert_eq!(later.trace_id(), begun.trace_id());
        assert_ne!(later.span_id(), begun.span_id());
        let named = "order-7".parse().unwrap();
        let [one, other] = [(); 2].map(|()| TraceContext::of_story(&named));
        assert_ne!(one.trace_id(), other.trace_id());
    }

    #[test]
    fn a_new_one_can_be_read_back() {
        let context = TraceContext::new();
        let read = TraceContext::parse(&context.to_string()).unwrap();
        assert_eq!(read.to_string(), context.to_string());
        assert!(read.is_continued() && !context.is_continued());
    }

    #[test]
    fn what_is_stored_goes_on_from_the_same_place() {
        let place = TraceContext::parse(PARENT)
            .unwrap()
            .with_state("vendor=1")
            .with_baggage("tenant=blue,user=7");
        let stored = postcard::to_allocvec(&place).unwrap();
        let read: TraceContext = postcard::from_bytes(&stored).unwrap();
        assert_eq!(read, place);
        assert_eq!(read.child().baggage(), Some("tenant=blue,user=7"));
        assert_eq!(read.child().parent_id_bytes(), place.span_id_bytes());
    }

    #[test]
    fn sampling_is_one_flag() {
        let place = TraceContext::new();
        let unsampled = place.clone().with_sampled(false);
        assert!(place.sampled() && !unsampled.sampled());
        assert_eq!(unsampled.with_sampled(true), place);
    }

    #[test]
    fn a_state_that_does_not_fit_is_dropped() {
        assert_eq!(
            TraceContext::new().with_state(&"x".repeat(513)).state(),
            None
        );
        assert_eq!(TraceContext::new().with_state("").state(), None);
        assert_eq!(TraceContext::new().with_state("tab\there").state(), None);
    }
}
