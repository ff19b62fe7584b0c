//! Configuration, as operators are shown it: whatever is not named as public may be a secret.

use std::collections::{BTreeMap, BTreeSet};

use crate::observe::masking::MASK;

/// The values by key: those that are to be shown, and of the others that they are there.
pub(super) fn masked(
    values: &BTreeMap<String, String>,
    show: &BTreeSet<String>,
) -> BTreeMap<String, String> {
    let mask = |(key, value): (&String, &String)| {
        let shown = match show.contains(key) {
            true => value.clone(),
            false => MASK.to_owned(),
        };
        (key.clone(), shown)
    };
    values.iter().map(mask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_shown() {
        let names = [
            "max_reservation",
            "pin",
            "connection_string",
            "Max_Reservation",
        ];
        let values = names.map(|name| (name.to_owned(), "10".to_owned())).into();
        let shown = masked(&values, &["max_reservation".to_owned()].into());
        let expected = [
            ("max_reservation", "10"),
            ("pin", MASK),
            ("connection_string", MASK),
            ("Max_Reservation", MASK),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(shown, expected.into());
    }
}
