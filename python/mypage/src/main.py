"""The context mypage: a projection that shows customers their orders with their deliveries, and their mileage.

The same as components/mypage, which is in Rust; each reads the other's state.
"""

from dataclasses import dataclass
from typing import TypeVar

from innkeeper import U32, U64, Context, Problem, in_camel_case

import policy
from events import delivery_cancelled, delivery_completed, delivery_started, order_cancelled, order_placed
from history import OrderHistory, rows
from mileage import MileageHistory, entries, newest, totals

context = Context("What customers see of their orders, deliveries and mileage.", tables=[rows, entries, totals])

SIZE = 20
"""How many there are on a page, when nobody says it."""
MAX_SIZE = 100

Item = TypeVar("Item")


@in_camel_case
@dataclass(frozen=True)
class Orders:
    """Orders of a customer, newest first."""

    items: list[OrderHistory]
    page: U32
    size: U32
    total: U64


@in_camel_case
@dataclass(frozen=True)
class Mileage:
    """What a customer was given and what was taken back, newest first."""

    items: list[MileageHistory]
    page: U32
    size: U32
    total: U64


@context.get("/mypage/orders/{customer-id}")
def all_orders(customer_id: str, page: U32 = 0, size: U32 = SIZE) -> Orders:
    """A customer's orders with their deliveries, newest first."""
    found = [row for _, row in rows.last_of(customer_id, _limit(page, size))]
    return Orders(_cut(found, page, size), page, size, rows.count_of(customer_id))


@context.get("/mypage/mileage/{customer-id}")
def all_mileage(customer_id: str, page: U32 = 0, size: U32 = SIZE) -> Mileage:
    """How a customer's mileage came about, newest first."""
    found = newest(customer_id, _limit(page, size))
    return Mileage(_cut(found, page, size), page, size, entries.count_of(customer_id))


def _limit(page: int, size: int) -> int:
    """How many are before the page and on it."""
    if not 1 <= size <= MAX_SIZE:
        raise Problem(400, f"Invalid size in the query: it must be from 1 to {MAX_SIZE}.")
    return (page + 1) * size


def _cut(found: list[Item], page: int, size: int) -> list[Item]:
    """What is on the page, of what is before it and on it."""
    return found[page * size :]


context.on("orders", order_placed)(policy.placed)
context.on("orders", order_cancelled)(policy.cancelled)
context.on("delivery", delivery_started)(policy.started)
context.on("delivery", delivery_completed)(policy.completed)
context.on("delivery", delivery_cancelled)(policy.was_cancelled)
