//! A context that keeps whatever comes from outside, with what it says of itself.

use innkeeper_sdk::prelude::*;

innkeeper_sdk::events! {
    /// A letter came.
    pub LetterCame: String,
}

/// A letter.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    /// Its text, as the policy got it.
    text: String,
    /// What its data was, as a media type.
    content_type: String,
    /// The extension attributes.
    extensions: Vec<(String, String)>,
}

impl Record for Letter {}

/// The letters about one subject.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Box {
    letters: Vec<Letter>,
}

impl Record for Box {}

const BOXES: Table<String, Box> = Table::new("boxes");

fn keep(happened: Happened<LetterCame>) -> Outcome {
    let mut kept = BOXES.get(happened.subject.clone())?.unwrap_or_default();
    kept.letters.push(Letter {
        text: happened.data,
        content_type: happened.content_type,
        extensions: happened.extensions,
    });
    Ok(BOXES.put(happened.subject, &kept)?)
}

fn show(Path(subject): Path<String>) -> Answer {
    Response::ok(&BOXES.get(subject)?.unwrap_or_default())
}

innkeeper_sdk::context! {
    summary: "Letters from outside.",
    routes: { GET "/boxes/{subject}" => show },
    follows: { "post": LetterCame => keep },
}
