//! What operators are not shown of events: the members of their data that a context names as sensitive, and the same texts where they come up again.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::manifest::Manifest;

/// What stands for what is not shown.
pub(crate) const MASK: &str = "***";
/// Shorter texts are not looked for inside of others: they come up by chance.
const SHORTEST: usize = 4;

/// What the contexts name that an event has to do with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sensitive<'a>(Vec<&'a BTreeSet<String>>);

/// Texts that are not shown, wherever they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets(BTreeSet<String>);

impl<'a> Sensitive<'a> {
    /// What these contexts name. What is no context of the app names nothing.
    pub fn of<'b>(manifest: &'a Manifest, contexts: impl IntoIterator<Item = &'b str>) -> Self {
        let settings = contexts
            .into_iter()
            .filter_map(|name| manifest.contexts.get(name));
        let named = settings.map(|settings| &settings.sensitive);
        Self(named.filter(|named| !named.is_empty()).collect())
    }

    /// Data as they may be shown. What is no JSON cannot be looked into, and is not shown where anything is sensitive.
    pub fn mask<'d>(&self, data: &'d [u8]) -> Cow<'d, [u8]> {
        if self.0.is_empty() || data.is_empty() {
            return Cow::Borrowed(data);
        }
        let mut value = serde_json::from_slice(data).unwrap_or_else(|_| Value::from(MASK));
        self.walk(&mut value, &mut |member| *member = Value::from(MASK));
        // What was read as JSON is written as such.
        Cow::Owned(serde_json::to_vec(&value).unwrap_or_default())
    }

    /// The sensitive texts of data.
    pub fn note(&self, data: &[u8], secrets: &mut Secrets) {
        if self.0.is_empty() {
            return;
        }
        let Ok(mut value) = serde_json::from_slice::<Value>(data) else {
            return;
        };
        self.walk(&mut value, &mut |member| secrets.note(member));
    }

    fn names(&self, member: &str) -> bool {
        let mut named = self.0.iter().flat_map(|named| named.iter());
        named.any(|name| name.eq_ignore_ascii_case(member))
    }

    fn walk(&self, value: &mut Value, found: &mut impl FnMut(&mut Value)) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match self.names(name) {
                        true => found(member),
                        false => self.walk(member, found),
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.walk(item, found);
                }
            }
            _ => {}
        }
    }
}

impl Secrets {
    fn note(&mut self, value: &Value) {
        match value {
            Value::String(text) if !text.is_empty() => {
                self.0.insert(text.clone());
            }
            Value::Number(number) => {
                self.0.insert(number.to_string());
            }
            Value::Array(items) => items.iter().for_each(|item| self.note(item)),
            Value::Object(members) => members.values().for_each(|member| self.note(member)),
            _ => {}
        }
    }

    /// A text as it may be shown.
    pub fn mask(&self, text: String) -> String {
        if self.0.contains(&text) {
            return MASK.to_owned();
        }
        let longer = self.0.iter().filter(|secret| secret.len() >= SHORTEST);
        longer.fold(text, |text, secret| match text.contains(secret.as_str()) {
            true => text.replace(secret.as_str(), MASK),
            false => text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> BTreeSet<String> {
        ["email".to_owned(), "card".to_owned()].into()
    }

    #[test]
    fn members_are_masked_at_any_depth_and_nothing_else() {
        let names = names();
        let sensitive = Sensitive(vec![&names]);
        let data =
            br#"{"id":1,"Email":"a@b.example","guests":[{"card":{"number":42},"name":"x"}]}"#;
        let shown: Value = serde_json::from_slice(&sensitive.mask(data)).unwrap();
        let expected = serde_json::json!({
            "id": 1, "Email": MASK, "guests": [{"card": MASK, "name": "x"}]
        });
        assert_eq!(shown, expected);
        assert_eq!(&*sensitive.mask(b"\xff\x00"), br#""***""#);
        assert_eq!(&*Sensitive::default().mask(b"\xff\x00"), b"\xff\x00");
    }

    #[test]
    fn the_same_texts_are_masked_where_they_come_up_again() {
        let names = names();
        let sensitive = Sensitive(vec![&names]);
        let mut secrets = Secrets::default();
        sensitive.note(br#"{"email":"a@b.example","card":[7,4242]}"#, &mut secrets);
        let mask = |text: &str| secrets.mask(text.to_owned());
        assert_eq!(
            mask("no mail to a@b.example, card 4242, room 7"),
            "no mail to ***, card ***, room 7"
        );
        assert_eq!(mask("7"), MASK);
        assert_eq!(mask("plain"), "plain");
    }
}
