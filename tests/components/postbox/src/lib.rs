//! A context that keeps whatever comes from outside, with what it says of itself.

use innkeeper_sdk::prelude::*;

innkeeper_sdk::events! {
    /// A letter came.
    pub LetterCame: String,
}

/// A letter.
#[derive(Clone, Serialize, Deserialize, Record)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    /// What it is about.
    subject: String,
    /// Its text, as the policy got it.
    text: String,
    /// What its data was, as a media type.
    content_type: String,
    /// The extension attributes.
    extensions: Vec<(String, String)>,
}

/// All letters.
#[derive(Clone, Default, Serialize, Deserialize, Record)]
pub struct Pile {
    letters: Vec<Letter>,
}

const PILES: Table<u64, Pile> = Table::new("piles");

fn keep(happened: Happened<LetterCame>) -> Outcome {
    let mut kept = PILES.get(0)?.unwrap_or_default();
    kept.letters.push(Letter {
        subject: happened.subject,
        text: happened.data,
        content_type: happened.content_type,
        extensions: happened.extensions,
    });
    Ok(PILES.put(0, &kept)?)
}

fn show(Path(subject): Path<String>) -> Answer {
    let mut found = PILES.get(0)?.unwrap_or_default();
    found.letters.retain(|letter| letter.subject == subject);
    Response::ok(&found)
}

innkeeper_sdk::context! {
    summary: "Letters from outside.",
    tables: [PILES],
    routes: { GET "/boxes/{subject}" => show },
    follows: { "post": LetterCame => keep },
}
