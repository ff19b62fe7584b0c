use serde::Deserialize;

/// A text that is not blank and has at most `MAX` characters; a body with any other is answered 422.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("must not be blank".into());
        }
        // Only a text with more bytes than allowed characters needs to be counted.
        if text.len() > MAX && text.chars().count() > MAX {
            return Err(format!("must have at most {MAX} characters"));
        }
        Ok(Self(text))
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> String {
        text.0
    }
}
