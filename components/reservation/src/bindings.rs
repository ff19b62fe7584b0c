//! What wit-bindgen makes of the interfaces that this context calls.
#![allow(missing_docs)]

innkeeper_sdk::wit_bindgen::generate!({
    inline: "
        package stay:reservation-context;
        world calls {
            import stay:room/rooms@0.1.0;
            import stay:payment/payments@0.1.0;
        }
    ",
    path: ["../../wit/stay/room", "../../wit/stay/payment"],
    generate_all,
    runtime_path: "innkeeper_sdk::wit_bindgen::rt",
});
