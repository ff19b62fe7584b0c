//! What the editions of the shelf share: all but what a book is.

use innkeeper_sdk::prelude::*;

use crate::book::{Binding, Book};

/// The books.
pub const BOOKS: Table<u64, Book> = Table::new("books");
/// Something that is made of itself.
pub const TREES: Table<u64, Tree> = Table::new("trees");

/// A book, as a client gives it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct New {
    pub author: String,
    pub title: String,
    #[serde(default)]
    pub tags: Vec<String>,
    pub binding: Binding,
    pub copies: u64,
    #[serde(default)]
    pub stars: Option<u8>,
}

/// `POST /books`
pub fn write(Json(new): Json<New>) -> Answer {
    let id = BOOKS.next_id();
    let book = Book::new(id, new);
    BOOKS.put(id, &book)?;
    Response::created(&format!("/books/{id}"), &book)
}

/// `GET /books/{id}`
pub fn show(Path(id): Path<u64>) -> Answer {
    Response::ok(&BOOKS.find(id)?)
}

/// A tree.
#[derive(Record)]
pub struct Tree {
    branches: Vec<Tree>,
}

impl Tree {
    fn of(depth: u64) -> Self {
        let branches = match depth {
            0 => Vec::new(),
            depth => vec![Self::of(depth - 1)],
        };
        Self { branches }
    }

    fn depth(&self) -> u64 {
        self.branches.first().map_or(0, |branch| 1 + branch.depth())
    }
}

/// `PUT /trees/{depth}`: grows a tree. Answers how deep what is read of it is.
pub fn grow(Path(depth): Path<u64>) -> Answer {
    TREES.put(1, &Tree::of(depth))?;
    Response::ok(&TREES.find(1)?.depth())
}

/// `PUT /hidden`: writes where nobody knows of it.
pub fn hide() -> Answer {
    const HIDDEN: Table<u64, u64> = Table::new("hidden");
    HIDDEN.put(1, &1)?;
    Response::no_content()
}
