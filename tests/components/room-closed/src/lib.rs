//! The app's room, but it offers nothing to other contexts any more.

#[macro_use]
#[path = "../../room.rs"]
#[allow(dead_code, reason = "nothing is held here")]
mod app;

use app::{events, policy, review, room, web};

room! {}
