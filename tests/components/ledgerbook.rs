//! What the versions of the ledgerbook share: its two shapes, the way from one to the other, and its routes.

use innkeeper_sdk::Entry as Row;
use innkeeper_sdk::prelude::*;

/// An entry in the shape of schema 1.
#[derive(Record)]
pub struct Plain {
    pub id: u64,
    pub text: String,
}

/// An entry in the shape of schema 2.
#[derive(Record)]
pub struct Counted {
    pub id: u64,
    pub text: String,
    pub words: u32,
}

/// The entries of schema 1. All versions draw their ids from here.
pub const PLAIN: Table<u64, Plain> = Table::new("entries");
/// The entries of schema 2.
pub const COUNTED: Table<u64, Counted> = Table::new("counted");
/// How many words, and the entry: of schema 2.
pub const BY_WORDS: Table<(u64, u64), ()> = Table::new("by-words");

impl Counted {
    pub fn of(Plain { id, text }: Plain) -> Self {
        let words = text.split_whitespace().count();
        Self {
            id,
            text,
            words: u32::try_from(words).unwrap_or(u32::MAX),
        }
    }

    /// The key under which it is found by its words.
    pub fn place(&self) -> (u64, u64) {
        (self.words.into(), self.id)
    }
}

/// From schema 1 to 2: each entry becomes two. What is no entry of schema 1 stays.
pub fn count_words(row: Row) -> Result<Vec<Row>, Fault> {
    if !PLAIN.holds(&row) {
        return Ok(vec![row]);
    }
    let counted = Counted::of(PLAIN.read(&row)?);
    Ok(vec![
        COUNTED.entry(counted.id, &counted)?,
        BY_WORDS.entry(counted.place(), &())?,
    ])
}

/// An entry, as it is shown.
#[derive(Serialize)]
pub struct Shown {
    id: u64,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<u32>,
    edition: &'static str,
}

impl Shown {
    pub fn plain(plain: Plain, edition: &'static str) -> Self {
        Self {
            id: plain.id,
            text: plain.text,
            words: None,
            edition,
        }
    }

    pub fn counted(counted: Counted, edition: &'static str) -> Self {
        Self {
            id: counted.id,
            text: counted.text,
            words: Some(counted.words),
            edition,
        }
    }
}

/// How an edition keeps its entries.
pub trait Edition {
    /// What it answers with, so that a test sees which edition that was.
    const NAME: &'static str;

    fn put(plain: Plain) -> Result<(), Fault>;
    fn get(id: u64) -> Result<Option<Shown>, Fault>;
    fn page(paging: Paging) -> Result<Page<Shown>, Fault>;
    fn delete(id: u64) -> Result<(), Fault>;
}

/// What a client may set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct New {
    text: Text<500>,
}

/// A page of entries, with the edition that shows it.
#[derive(Serialize)]
struct Listed {
    edition: &'static str,
    #[serde(flatten)]
    page: Page<Shown>,
}

/// What was deleted.
#[derive(Serialize)]
struct Deleted {
    id: u64,
    edition: &'static str,
}

/// `POST /entries`
pub fn write<E: Edition>(Json(new): Json<New>) -> Answer {
    let id = PLAIN.next_id();
    let text = new.text.into();
    E::put(Plain { id, text })?;
    Response::created(&format!("/entries/{id}"), &find::<E>(id)?)
}

/// `GET /entries/{id}`
pub fn show<E: Edition>(Path(id): Path<u64>) -> Answer {
    Response::ok(&find::<E>(id)?)
}

/// `GET /entries`
pub fn list<E: Edition>(paging: Paging) -> Answer {
    let page = E::page(paging)?;
    Response::ok(&Listed {
        edition: E::NAME,
        page,
    })
}

/// `DELETE /entries/{id}`
pub fn delete<E: Edition>(Path(id): Path<u64>) -> Answer {
    find::<E>(id)?;
    E::delete(id)?;
    let edition = E::NAME;
    Response::ok(&Deleted { id, edition })
}

fn find<E: Edition>(id: u64) -> Result<Shown, Problem> {
    E::get(id)?.ok_or_else(|| Problem::not_found(format!("There is no entry {id}.")))
}
