//! The third edition of the shelf: it reads what the others wrote, and they do not read what it writes.

mod book {
    use innkeeper_sdk::prelude::*;

    use crate::shelf::New;

    /// A book.
    #[derive(Serialize, Record)]
    pub struct Book {
        id: u64,
        title: String,
        author: Option<String>,
        #[record(default)]
        tags: Vec<String>,
        #[serde(flatten)]
        binding: Binding,
        copies: u128,
    }

    /// How it is bound.
    #[derive(Serialize, Deserialize, Record)]
    #[serde(tag = "kind")]
    pub enum Binding {
        Cloth { threads: u64 },
        Leather,
        Paper,
    }

    impl Book {
        pub fn new(id: u64, new: New) -> Self {
            Self {
                id,
                title: new.title,
                author: Some(new.author),
                tags: new.tags,
                binding: new.binding,
                copies: new.copies.into(),
            }
        }
    }
}

#[path = "../../shelf.rs"]
#[allow(dead_code, reason = "the second edition has stars")]
mod shelf;

innkeeper_sdk::context! {
    summary: "A shelf with books, some of them bound in leather.",
    tables: [shelf::BOOKS, shelf::TREES],
    routes: {
        POST "/books" => shelf::write,
        GET "/books/{id}" => shelf::show,
        PUT "/trees/{depth}" => shelf::grow,
        PUT "/hidden" => shelf::hide,
    },
    schema: { number: 1, reads: [0] },
}
