import pytest
from innkeeper import Reject
from innkeeper.testing import TestContext

from main import context


def test_one_message_is_written_for_each_occasion() -> None:
    guest = TestContext(context, "message")
    for kind in ["ReservationConfirmed", "ReservationConfirmed", "ReservationCancelled", "ReservationCancelled"]:
        guest.deliver("reservation", kind, 5, {"rsvId": 5, "roomId": 1, "status": "any", "payId": 3})
    messages = guest.get("/messages").body
    assert messages["total"] == 2
    assert messages["items"][0] == {"msgId": 1, "roomId": 1, "content": "Your reservation 5 of room 1 is confirmed."}
    assert messages["items"][1]["msgId"] == 2
    assert guest.get("/messages/2").body == messages["items"][1]
    assert guest.get("/messages/3").status == 404


def test_an_event_without_its_data_is_rejected() -> None:
    guest = TestContext(context, "message")
    with pytest.raises(Reject):
        guest.deliver("reservation", "ReservationConfirmed", 5, {"rsvId": 5})
    with pytest.raises(Reject):
        guest.deliver("reservation", "Other", 5, {})
