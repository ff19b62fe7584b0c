from collections.abc import Callable
from datetime import timedelta
from typing import Any

from innkeeper.testing import TestContext

from main import context

BEGINNING = 1_767_225_600_000
"""When a test begins."""


def order(guest: TestContext, kind: str, order_id: int = 1, price: int = 300) -> None:
    data = {
        "orderId": order_id, "productId": 1, "productName": "Tea", "quantity": 2, "price": price, "customerId": "ada",
        "customerName": "Ada", "customerAddr": "1 Way", "state": kind, "checkStock": "call",
    }
    guest.deliver("orders", kind, order_id, data)


def delivery(guest: TestContext, kind: str) -> None:
    data = {
        "deliveryId": 7, "orderId": 1, "productId": 1, "productName": "Tea", "quantity": 2, "customerId": "ada",
        "customerName": "Ada", "deliveryAddress": "1 Way", "deliveryState": kind,
    }
    guest.deliver("delivery", kind, 7, data)


def history(guest: TestContext) -> Any:
    return guest.get("/mypage/orders/ada").body["items"]


def row(payment: int | None, order_state: str | None, started: bool, completed: bool, cancelled: bool) -> dict[str, Any]:
    return {
        "orderId": 1, "userId": "ada", "nickName": "Ada", "productId": 1, "productName": "Tea",
        "timestamp": None if payment is None else BEGINNING, "quantity": 2, "payment": payment, "orderState": order_state,
        "deliveryId": 7 if started or completed or cancelled else None,
        "deliveryStarted": started, "deliveryCompleted": completed, "deliveryCancelled": cancelled,
    }


def mileage(guest: TestContext) -> list[tuple[int, int, int]]:
    entries = guest.get("/mypage/mileage/ada").body["items"]
    return [(entry["orderId"], entry["mileage"], entry["totalMileage"]) for entry in entries]


def test_defect_the_delivery_of_an_order_stays_in_its_row_when_it_is_cancelled() -> None:
    guest = TestContext(context, "mypage")
    order(guest, "OrderPlaced")
    delivery(guest, "DeliveryStarted")
    assert history(guest) == [row(600, "OrderPlaced", True, False, False)]
    order(guest, "OrderCancelled")
    assert history(guest) == [row(600, "OrderCancelled", True, False, False)]
    delivery(guest, "DeliveryCancelled")
    assert history(guest) == [row(600, "OrderCancelled", True, False, True)]


def test_whichever_event_is_first_begins_a_row_and_each_changes_what_it_tells_of() -> None:
    told: dict[str, Callable[[TestContext], None]] = {
        "placed": lambda guest: order(guest, "OrderPlaced"),
        "cancelled": lambda guest: order(guest, "OrderCancelled"),
        "started": lambda guest: delivery(guest, "DeliveryStarted"),
        "completed": lambda guest: delivery(guest, "DeliveryCompleted"),
    }
    # Those of one source keep their order.
    for names in [
        ["placed", "started", "completed"],
        ["started", "placed", "completed"],
        ["started", "completed", "placed"],
    ]:
        guest = TestContext(context, "mypage")
        for name in names:
            told[name](guest)
        assert history(guest) == [row(600, "OrderPlaced", True, True, False)], names
        assert mileage(guest) == [(1, 60, 60)], names


def test_what_is_not_known_yet_is_null() -> None:
    guest = TestContext(context, "mypage")
    delivery(guest, "DeliveryStarted")
    assert history(guest) == [row(None, None, True, False, False)]
    assert mileage(guest) == []


def test_defect_mileage_is_given_once_and_taken_back_once() -> None:
    guest = TestContext(context, "mypage")
    for name, order_id, price in [
        ("OrderPlaced", 1, 300), ("OrderPlaced", 1, 300), ("OrderPlaced", 2, 1000), ("OrderCancelled", 1, 300),
        ("OrderCancelled", 1, 300), ("OrderPlaced", 1, 300),
    ]:
        order(guest, name, order_id, price)
        guest.advance(timedelta(milliseconds=1))
    assert mileage(guest) == [(1, -60, 200), (2, 200, 260), (1, 60, 60)]


def test_an_order_that_was_cancelled_before_it_is_known_brings_no_mileage() -> None:
    guest = TestContext(context, "mypage")
    order(guest, "OrderCancelled")
    order(guest, "OrderPlaced")
    assert history(guest)[0]["orderState"] == "OrderCancelled"
    assert mileage(guest) == []


def test_the_newest_come_first_and_page_by_page() -> None:
    guest = TestContext(context, "mypage")
    for order_id in [1, 2, 3, 4, 5]:
        order(guest, "OrderPlaced", order_id, 50)
        guest.advance(timedelta(milliseconds=1))

    def ids(path: str) -> list[int]:
        return [item["orderId"] for item in guest.get(path).body["items"]]

    assert (ids("/mypage/orders/ada"), guest.get("/mypage/orders/ada").body["total"]) == ([5, 4, 3, 2, 1], 5)
    assert ids("/mypage/orders/ada?page=1&size=2") == [3, 2]
    assert ids("/mypage/mileage/ada?page=1&size=2") == [3, 2]
    assert guest.get("/mypage/mileage/ada?page=1&size=2").body["items"][0]["totalMileage"] == 30
    assert ids("/mypage/mileage/ada?page=9") == []
    assert ids("/mypage/orders/bob") == []
    for query in ["size=0", "size=101", "page=x", "page=-1"]:
        assert guest.get(f"/mypage/orders/ada?{query}").status == 400, query
