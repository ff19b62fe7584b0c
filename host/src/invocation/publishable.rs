//! What an event may be, by whichever way it comes in: emitted at once or by a timer, or described. Outside it becomes a subject, headers and a body, and what does not
//! fit there could never be published.

/// The longest kind, in bytes. Percent-encoded it is three times as long at the most, and a subject of NATS has room for that.
const LONGEST_KIND: usize = 255;
/// The longest subject, in bytes: as long as a key of the state may be, which it often is. Headers have room for it three times.
const LONGEST_SUBJECT: usize = 1_024;
/// What the headers of a message take at the most: kind and subject percent-encoded, the kind twice, and the ids.
pub(crate) const LARGEST_HEAD: usize = 11 << 10;

/// An event that could not be published as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpublishable {
    /// Its kind has no length, or too much of it.
    #[error("a kind of {length} bytes is not allowed; kinds of events have 1 to {LONGEST_KIND}")]
    KindLength {
        /// How long it is, in bytes.
        length: usize,
    },
    /// Its kind cannot be shown, or told from another.
    #[error(
        "the kind {kind:?} is not allowed: it begins or ends with a space, or holds a control character"
    )]
    KindText {
        /// The kind.
        kind: String,
    },
    /// Its subject is too long.
    #[error(
        "a subject of {length} bytes is not allowed; subjects of events have at most {LONGEST_SUBJECT}"
    )]
    SubjectLength {
        /// How long it is, in bytes.
        length: usize,
    },
    /// Its data are too much for a message.
    #[error(
        "an event with {bytes} bytes of data is not allowed: with its headers it is larger than a message on NATS may be (nats.max_payload, {limit} bytes); let it say where the rest is"
    )]
    TooLarge {
        /// How many bytes of data it has.
        bytes: usize,
        /// What a message may have.
        limit: u64,
    },
}

/// Refuses what cannot be the kind of an event.
pub(crate) fn check_kind(kind: &str) -> Result<(), Unpublishable> {
    match kind.len() {
        1..=LONGEST_KIND if kind.trim() == kind && !kind.contains(char::is_control) => Ok(()),
        1..=LONGEST_KIND => Err(Unpublishable::KindText {
            kind: kind.to_owned(),
        }),
        length => Err(Unpublishable::KindLength { length }),
    }
}

/// Refuses an event that could not be published. `max_payload` is what a message may have on NATS, where the app publishes there.
pub(crate) fn check(
    kind: &str,
    subject: &str,
    data: &[u8],
    max_payload: Option<u64>,
) -> Result<(), Unpublishable> {
    check_kind(kind)?;
    if subject.len() > LONGEST_SUBJECT {
        return Err(Unpublishable::SubjectLength {
            length: subject.len(),
        });
    }
    let bytes = data.len();
    match max_payload {
        Some(limit) if (bytes + LARGEST_HEAD) as u64 > limit => {
            Err(Unpublishable::TooLarge { bytes, limit })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_words_that_a_subject_has_room_for() {
        for kind in [
            "RoomRegistered",
            "a.b *>",
            "k",
            "\u{1f3e8}",
            &"k".repeat(255),
        ] {
            assert_eq!(check_kind(kind), Ok(()), "{kind}");
        }
        for kind in [
            "",
            " ",
            " Kind",
            "Kind\n",
            "a\0b",
            "a\u{7f}b",
            &"k".repeat(256),
            &"\u{e9}".repeat(128),
            &"k".repeat(40_000),
        ] {
            assert!(check_kind(kind).is_err(), "{kind:?}");
        }
    }

    #[test]
    fn subjects_and_data_have_their_limits() {
        let check = |subject: usize, data: usize, limit| {
            check("Kind", &"s".repeat(subject), &vec![0; data], limit)
        };
        assert_eq!(check(0, 0, None), Ok(()));
        assert_eq!(check(1_024, 4 << 20, None), Ok(()));
        assert!(check(1_025, 0, None).is_err());
        let limit = Some(1 << 20);
        assert_eq!(check(1, (1 << 20) - LARGEST_HEAD, limit), Ok(()));
        assert!(check(1, (1 << 20) - LARGEST_HEAD + 1, limit).is_err());
    }
}
