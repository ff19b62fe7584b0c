//! The REST interface.

pub mod reviews;
pub mod rooms;
