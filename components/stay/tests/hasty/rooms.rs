//! Rooms whose functions do not survive being run again.

use std::cell::RefCell;

use innkeeper_sdk::{config, prelude::*};

use offers::rooms::{Guest, RoomError};

const HOLDS: Table<(u64, u64), ()> = Table::new("holds");

thread_local!(static DONE: RefCell<Vec<(&'static str, u64)>> = const { RefCell::new(Vec::new()) });

/// Whether it was done already, as nobody should remember it; when this is the function that does.
fn was_done(function: &'static str, rsv_id: u64) -> bool {
    if config::get("hasty", String::new()) != function {
        return false;
    }
    DONE.with_borrow_mut(|done| {
        let was_done = done.contains(&(function, rsv_id));
        done.push((function, rsv_id));
        was_done
    })
}

impl Guest for Component {
    fn hold(room_id: u64, rsv_id: u64) -> Result<(), RoomError> {
        match was_done("hold", rsv_id) {
            true => Ok(()),
            false => Ok(HOLDS.put((room_id, rsv_id), &())?),
        }
    }

    fn release(room_id: u64, rsv_id: u64) -> Result<(), RoomError> {
        if !was_done("release", rsv_id) {
            HOLDS.delete((room_id, rsv_id));
        }
        Ok(())
    }
}

fn list() -> Answer {
    Response::ok(&HOLDS.count())
}

innkeeper_sdk::context! {
    summary: "Holds rooms in haste.",
    offers: "stay:room/rooms",
    tables: [HOLDS],
    routes: { GET "/holds" => list },
    compensations: { "stay:room/rooms": "hold" => "release" },
}

/// Makes them forget what another app has done in this thread.
pub fn forget() {
    DONE.take();
}
