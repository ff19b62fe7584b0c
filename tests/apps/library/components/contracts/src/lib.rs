//! What the contexts tell each other: the events of the library, each declared once.

pub mod catalog;
pub mod loans;
pub mod members;
