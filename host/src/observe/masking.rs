//! What operators are not shown of events: the members of their data that contexts name as sensitive, and the same texts where they come up again.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, MatchKind};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::manifest::Manifest;

/// What stands for what is not shown.
pub(crate) const MASK: &str = "***";
/// Shorter texts are not looked for inside of others: they come up by chance.
const SHORTEST: usize = 4;
/// From here on, a text may have been cut where it was made.
const MAY_BE_CUT: usize = 100;

/// The names of members that contexts have for what is sensitive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sensitive(BTreeSet<String>);

/// Texts that are sensitive, as they are found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets(BTreeSet<String>);

/// Covers texts that are sensitive, wherever they are, in whatever case and spelling.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cover {
    /// All of them, in lower case.
    whole: BTreeSet<String>,
    /// What is looked for inside of others: none when there is nothing.
    within: Option<AhoCorasick>,
}

impl Sensitive {
    /// What these contexts name. What is no context of the app names nothing.
    pub fn of<'b>(manifest: &Manifest, contexts: impl IntoIterator<Item = &'b str>) -> Self {
        let settings = contexts
            .into_iter()
            .filter_map(|name| manifest.contexts.get(name));
        let names = settings.flat_map(|settings| &settings.sensitive);
        Self(names.map(|name| name.to_ascii_lowercase()).collect())
    }

    /// These names.
    #[cfg(test)]
    pub fn named(names: &[&str]) -> Self {
        Self(names.iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Masks the members that are named.
    pub fn mask(&self, value: &mut Value) {
        self.walk(value, &mut |member| *member = Value::from(MASK));
    }

    /// Notes the sensitive texts of data.
    pub fn note(&self, data: &[u8], secrets: &mut Secrets) {
        if self.is_empty() {
            return;
        }
        let Ok(mut value) = serde_json::from_slice::<Value>(data) else {
            return;
        };
        self.walk(&mut value, &mut |member| secrets.note_all(member));
    }

    fn names(&self, member: &str) -> bool {
        self.0.contains(&member.to_ascii_lowercase())
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
    /// A text is sensitive.
    pub fn note(&mut self, text: &str) {
        if !text.is_empty() {
            self.0.insert(text.to_owned());
        }
    }

    fn note_all(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.note(text),
            Value::Number(number) => self.note(&number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.note_all(item)),
            Value::Object(members) => members.values().for_each(|member| self.note_all(member)),
            Value::Bool(_) | Value::Null => {}
        }
    }

    /// What covers them.
    pub fn cover(self) -> Cover {
        let longer = self.0.iter().filter(|secret| secret.len() >= SHORTEST);
        let spelled: BTreeSet<String> = longer.flat_map(|secret| spellings(secret)).collect();
        let within = (!spelled.is_empty()).then(|| {
            AhoCorasick::builder()
                // Of two that begin at one place the longer one is covered.
                .match_kind(MatchKind::LeftmostLongest)
                .ascii_case_insensitive(true)
                .build(&spelled)
                .ok()
        });
        Cover {
            whole: self
                .0
                .iter()
                .map(|text| text.to_ascii_lowercase())
                .collect(),
            within: within.flatten(),
        }
    }
}

/// A text as it is, and as messages, JSON and addresses write it.
fn spellings(text: &str) -> [String; 4] {
    let json = Value::from(text).to_string();
    [
        text.to_owned(),
        text.escape_debug().to_string(),
        json.get(1..json.len() - 1).unwrap_or(text).to_owned(),
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
    ]
}

impl Cover {
    /// A text as it may be shown.
    pub fn text(&self, text: String) -> String {
        if self.whole.is_empty() {
            return text;
        }
        if self.whole.contains(&text.to_ascii_lowercase()) {
            return MASK.to_owned();
        }
        let Some(within) = &self.within else {
            return text;
        };
        let mut shown = String::with_capacity(text.len());
        within.replace_all_with(&text, &mut shown, |_, _, shown| {
            shown.push_str(MASK);
            true
        });
        if text.len() >= MAY_BE_CUT {
            self.cover_cut_end(&mut shown);
        }
        shown
    }

    /// A text that was cut may end with the beginning of one that is sensitive.
    fn cover_cut_end(&self, text: &mut String) {
        let uncut = text.trim_end_matches('…').to_ascii_lowercase();
        let longest = self.whole.iter().filter_map(|secret| {
            let ends = secret.char_indices().map(|(end, _)| end).rev();
            let mut ends = ends.take_while(|end| *end >= SHORTEST);
            ends.find(|end| uncut.ends_with(secret.get(..*end).unwrap_or("\0")))
        });
        if let Some(longest) = longest.max() {
            text.truncate(uncut.len() - longest);
            text.push_str(MASK);
        }
    }

    /// Covers all texts and numbers of a value, also the names of its members.
    pub fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(std::mem::take(text)),
            Value::Number(number) => {
                let text = number.to_string();
                // A short one comes up by chance.
                if text.len() >= SHORTEST && self.whole.contains(&text) {
                    *value = Value::from(MASK);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(members) => {
                let covered = std::mem::take(members).into_iter();
                let covered = covered.map(|(name, mut member)| {
                    self.value(&mut member);
                    (self.text(name), member)
                });
                *members = covered.collect();
            }
            Value::Bool(_) | Value::Null => {}
        }
    }

    /// Whether there is anything in some bytes that is sensitive.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        let within = self.within.as_ref();
        within.is_some_and(|within| within.is_match(bytes))
    }

    /// Whether there is nothing to cover.
    pub fn is_empty(&self) -> bool {
        self.whole.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sensitive() -> Sensitive {
        Sensitive::named(&["Email", "card"])
    }

    fn cover(secrets: &[&str]) -> Cover {
        Secrets(secrets.iter().map(|text| (*text).to_owned()).collect()).cover()
    }

    #[test]
    fn members_are_masked_at_any_depth_and_nothing_else() {
        let mut shown = serde_json::json!({
            "id": 1, "Email": "a@b.example", "guests": [{"card": {"number": 42}, "name": "x"}]
        });
        sensitive().mask(&mut shown);
        let expected = serde_json::json!({
            "id": 1, "Email": MASK, "guests": [{"card": MASK, "name": "x"}]
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_same_texts_are_masked_where_they_come_up_again() {
        let mut secrets = Secrets::default();
        sensitive().note(br#"{"email":"a@b.example","card":[7,4242]}"#, &mut secrets);
        let cover = secrets.cover();
        let mask = |text: &str| cover.text(text.to_owned());
        assert_eq!(
            mask("no mail to A@b.example, card 4242, room 7"),
            "no mail to ***, card ***, room 7"
        );
        assert_eq!(mask("7"), MASK);
        assert_eq!(mask("plain"), "plain");
        let mut value = serde_json::json!({
            "to": "a@b.example", "number": 4242, "room": 7, "a@b.example": [{"x": "a%40b%2Eexample"}]
        });
        cover.value(&mut value);
        let expected = serde_json::json!({
            "to": MASK, "number": MASK, "room": 7, MASK: [{"x": MASK}]
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn what_begins_alike_is_covered_whole() {
        let shown = cover(&["anna", "anna.smith", "smith@inn"]).text("anna.smith@inn".into());
        assert!(
            !shown.contains("smith") && !shown.contains("anna"),
            "{shown}"
        );
    }

    #[test]
    fn what_was_cut_is_covered_to_its_end() {
        let cover = cover(&["somebody@inn.example"]);
        for end in ["somebody@inn", "some", "somebody@inn.exampl…"] {
            let text = format!("{} {end}", "x".repeat(120));
            let shown = cover.text(text);
            assert!(shown.ends_with(" ***"), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_left_whatever_it_is_and_however_it_is_written(
            secret in "\\PC{4,40}", before in "\\PC{0,200}", after in "\\PC{0,200}", spelling in 0..4_usize,
        ) {
            // The mask itself could make one of it.
            prop_assume!(!secret.contains('*'));
            let written = &spellings(&secret)[spelling];
            let shown = cover(&[&secret]).text(format!("{before}{written}{after}"));
            let left = shown.to_ascii_lowercase();
            prop_assert!(!left.contains(&secret.to_ascii_lowercase()), "{shown}");
            prop_assert!(!left.contains(&written.to_ascii_lowercase()), "{shown}");
            prop_assert!(shown.contains(MASK));
        }
    }
}
