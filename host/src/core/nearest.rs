//! The name that somebody may have meant.

/// A suggestion to put behind a message about a name that is not known; empty when no other name is near.
pub(crate) fn suggestion<'a, T: AsRef<str> + 'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a T>,
) -> String {
    match nearest(name, known) {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => String::new(),
    }
}

/// The known name that differs least, if it differs little: by a third of its letters at most.
fn nearest<'a, T: AsRef<str> + 'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a T>,
) -> Option<&'a str> {
    let most = (name.chars().count() / 3).max(1);
    let known = known.into_iter().map(AsRef::as_ref);
    let distances = known.map(|other| (strsim::damerau_levenshtein(name, other), other));
    let near = distances.filter(|(distance, other)| *distance <= most && *other != name);
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_little_is_suggested() {
        let known = [
            "room",
            "reservation",
            "payment",
            "RoomReserved",
            "RoomReleased",
        ];
        for (name, meant) in [
            ("rom", Some("room")),
            ("rooom", Some("room")),
            ("resevration", Some("reservation")),
            ("RoomReservd", Some("RoomReserved")),
            ("RoomReserve", Some("RoomReserved")),
            ("message", None),
            ("xy", None),
            ("", None),
            ("room", None),
        ] {
            assert_eq!(nearest(name, &known), meant, "{name}");
        }
        assert_eq!(suggestion("rom", &known), "; did you mean `room`?");
        assert_eq!(suggestion("message", &known), "");
    }
}
