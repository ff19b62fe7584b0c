//! What catalog tells.

use innkeeper_sdk::prelude::*;

/// A book, as it is kept, shown and told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Record, Subject, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Book {
    #[subject]
    pub book_id: u64,
    pub isbn: String,
    pub title: String,
    pub author: String,
    pub copies: u32,
    pub lent: u32,
}

innkeeper_sdk::events! {
    from "catalog";
    /// A book was added.
    pub BookAdded: Book,
    /// A book has another title.
    pub BookRetitled: Book,
    /// A copy can be lent again.
    pub CopyReturned: Book,
}
