//! Configuration, without what should stay secret.

use std::collections::BTreeMap;

/// What stands for a secret.
const MASK: &str = "***";

/// Words in a key that say that its value is secret.
const SECRET: [&str; 15] = [
    "apikey",
    "auth",
    "authorization",
    "cert",
    "cookie",
    "credential",
    "credentials",
    "dsn",
    "key",
    "passphrase",
    "passwd",
    "password",
    "private",
    "secret",
    "token",
];

/// The values by key; those that look secret are masked.
pub(super) fn masked(values: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mask = |(key, value): (&String, &String)| {
        let shown = match is_secret(key) || has_password(value) {
            true => MASK.to_owned(),
            false => value.clone(),
        };
        (key.clone(), shown)
    };
    values.iter().map(mask).collect()
}

fn is_secret(key: &str) -> bool {
    words(key).any(|word| SECRET.contains(&word.as_str()))
}

/// The words of a key, in lower case: `bankApiKey`, `bank_api_key` and `BANK-API-KEY` have the same.
fn words(key: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut before_is_lower = false;
    for letter in key.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && before_is_lower) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (letter.is_alphanumeric(), words.last_mut()) {
            word.extend(letter.to_lowercase());
        }
        before_is_lower = letter.is_lowercase();
    }
    words.into_iter()
}

/// Whether it is an address with a password in it.
fn has_password(value: &str) -> bool {
    value
        .split_once("://")
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next())
        .and_then(|authority| authority.rsplit_once('@'))
        .is_some_and(|(user, _)| user.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_secret_is_masked_and_nothing_else() {
        let shown = |key: &str, value: &str| {
            let values = BTreeMap::from([(key.to_owned(), value.to_owned())]);
            masked(&values).remove(key).unwrap()
        };
        for key in [
            "password",
            "bank_token",
            "bankApiKey",
            "API-KEY",
            "db.secret",
            "privateKey",
        ] {
            assert_eq!(shown(key, "x"), MASK, "{key}");
        }
        for key in [
            "max_reservation_per_person",
            "keyboard",
            "monkey",
            "tokenize",
            "declined_rooms",
        ] {
            assert_eq!(shown(key, "x"), "x", "{key}");
        }
        assert_eq!(shown("database", "postgres://stay:hunter2@db/stay"), MASK);
        assert_eq!(
            shown("homepage", "https://stay.example/a@b:c"),
            "https://stay.example/a@b:c"
        );
    }
}
