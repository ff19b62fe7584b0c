//! The tour of `docs/tour`: pages whose commands are run, by a person who reads them and by a test, against the real binary.
//!
//! A page is Markdown. Each block of the language `console` is what a terminal shows: `$ ` begins a command, `> ` continues it, and all else is what it answers.
//! Behind the language may stand
//!
//! - the name of another terminal than the reader's own: what is started there goes on, and the reader does with `^C` or `^\` what they do in a terminal;
//! - `eventually`, when what is asked may take a moment to become so: the command only looks, and is repeated until the answer is the expected one;
//! - `unordered`, when what comes at the same moment may come in another order: the lines are compared, and not their order;
//! - `figures`, when the numbers are measured: each that is not zero, or a whole hundred percent, stands for any other.

mod address;
mod expected;
mod figures;
mod page;
mod terminal;
mod visit;

use std::path::PathBuf;

pub use expected::{Comparison, Difference};
pub use page::{Block, Input, Page, Part, Step};
pub use visit::{Ports, Visit};

/// Where the pages are.
pub fn folder() -> PathBuf {
    crate::artifacts::repository().join("docs/tour")
}

/// The pages in the order of the tour, as its index has them.
pub fn pages() -> Vec<Page> {
    let folder = folder();
    let index = std::fs::read_to_string(folder.join("README.md")).expect("the tour has an index");
    let names = page::linked(&index);
    names.iter().map(|name| Page::read(&folder, name)).collect()
}

/// The test contexts that pages need beside the app.
pub const CONTEXTS: &[&str] = &["patient", "room-moody", "room-closed"];
