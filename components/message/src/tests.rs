use innkeeper_sdk::PolicyError;
use innkeeper_sdk::testing::TestContext;
use serde_json::json;

use crate::Component;

#[test]
fn one_message_is_written_for_each_occasion() {
    let guest = TestContext::<Component>::new();
    for kind in [
        "ReservationConfirmed",
        "ReservationConfirmed",
        "ReservationCancelled",
        "ReservationCancelled",
    ] {
        guest
            .deliver(
                "reservation",
                kind,
                "5",
                json!({"rsvId": 5, "roomId": 1, "status": "any", "payId": 3}),
            )
            .unwrap();
    }
    let messages = guest.get("/messages").body;
    assert_eq!(messages["total"], json!(2));
    assert_eq!(
        messages["items"][0],
        json!({"msgId": 1, "roomId": 1, "content": "Your reservation 5 of room 1 is confirmed."})
    );
    assert_eq!(messages["items"][1]["msgId"], json!(2));
    assert_eq!(guest.get("/messages/2").body, messages["items"][1]);
    assert_eq!(guest.get("/messages/3").status, 404);
}

#[test]
fn an_event_without_its_data_is_rejected() {
    let guest = TestContext::<Component>::new();
    let outcome = guest.deliver(
        "reservation",
        "ReservationConfirmed",
        "5",
        json!({"rsvId": 5}),
    );
    assert!(matches!(outcome, Err(PolicyError::Reject(_))));
    assert!(matches!(
        guest.deliver("reservation", "Other", "5", json!({})),
        Err(PolicyError::Reject(_))
    ));
}
