//! What wit-bindgen makes of the interface that this context offers to others.
#![allow(missing_docs)]

innkeeper_sdk::wit_bindgen::generate!({
    inline: "package stay:room-context; world offers { export stay:room/rooms@0.1.0; }",
    path: "../../wit/stay/room",
    runtime_path: "innkeeper_sdk::wit_bindgen::rt",
});

export!(Component with_types_in self);

use crate::Component;
