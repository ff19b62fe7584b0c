//! The first edition of the shelf. What serde is told of a book would make it unreadable for good, if the state cared.

mod book {
    use innkeeper_sdk::prelude::*;

    use crate::shelf::New;

    /// A book.
    #[derive(Serialize, Record)]
    pub struct Book {
        id: u64,
        author: String,
        title: String,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tags: Vec<String>,
        #[serde(flatten)]
        binding: Binding,
        copies: u64,
    }

    /// How it is bound.
    #[derive(Serialize, Deserialize, Record)]
    #[serde(tag = "kind")]
    pub enum Binding {
        Paper,
        Cloth { threads: u64 },
    }

    impl Book {
        pub fn new(id: u64, new: New) -> Self {
            Self {
                id,
                author: new.author,
                title: new.title,
                tags: new.tags,
                binding: new.binding,
                copies: new.copies,
            }
        }
    }
}

#[path = "../../shelf.rs"]
#[allow(dead_code, reason = "the second edition has stars")]
mod shelf;

innkeeper_sdk::context! {
    summary: "A shelf with books.",
    tables: [shelf::BOOKS, shelf::TREES],
    routes: {
        POST "/books" => shelf::write,
        GET "/books/{id}" => shelf::show,
        PUT "/trees/{depth}" => shelf::grow,
        PUT "/hidden" => shelf::hide,
    },
}
