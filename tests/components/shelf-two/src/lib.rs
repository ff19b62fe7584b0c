//! The second edition of the shelf: title and author have changed places, as have the ways of binding; and there are stars.

mod book {
    use innkeeper_sdk::prelude::*;

    use crate::shelf::New;

    /// A book.
    #[derive(Serialize, Record)]
    pub struct Book {
        copies: u64,
        id: u64,
        title: String,
        author: String,
        stars: Option<u8>,
        #[record(rename = "tags")]
        labels: Vec<String>,
        #[serde(flatten)]
        binding: Binding,
    }

    /// How it is bound.
    #[derive(Serialize, Deserialize, Record)]
    #[serde(tag = "kind")]
    pub enum Binding {
        Cloth { threads: u64 },
        Paper,
    }

    impl Book {
        pub fn new(id: u64, new: New) -> Self {
            Self {
                copies: new.copies,
                id,
                title: new.title,
                author: new.author,
                stars: new.stars,
                labels: new.tags,
                binding: new.binding,
            }
        }
    }
}

#[path = "../../shelf.rs"]
mod shelf;

innkeeper_sdk::context! {
    summary: "A shelf with books that have stars.",
    tables: [shelf::BOOKS, shelf::TREES],
    routes: {
        POST "/books" => shelf::write,
        GET "/books/{id}" => shelf::show,
        PUT "/trees/{depth}" => shelf::grow,
        PUT "/hidden" => shelf::hide,
    },
}
