"""The history: what is known of each order and its delivery.

Events of orders and of delivery come in any order, so whichever is first begins a row, and each changes only what it tells of.
"""

from dataclasses import dataclass
from enum import Enum

from innkeeper import U64, Table, in_camel_case

from events import Order, Shipment


class OrderState(Enum):
    """Whether an order is active."""

    ORDER_PLACED = "OrderPlaced"
    ORDER_CANCELLED = "OrderCancelled"


@in_camel_case
@dataclass
class OrderHistory:
    """What is known of an order. What is not known yet is shown as null."""

    order_id: U64
    user_id: str
    """Who ordered."""
    nick_name: str
    product_id: U64
    product_name: str
    quantity: U64
    timestamp: U64 | None = None
    """When it was ordered, in milliseconds since the Unix epoch; None while that is not known."""
    payment: U64 | None = None
    """What is to be paid; None while that is not known."""
    order_state: OrderState | None = None
    """Whether it is active; None while that is not known."""
    delivery_id: U64 | None = None
    """The delivery; None while there is none."""
    delivery_started: bool = False
    delivery_completed: bool = False
    delivery_cancelled: bool = False


rows = Table[tuple[str, U64], OrderHistory]("rows")
"""What is known of each order, by customer and order: the newest is the last."""


def row_of(of: Order | Shipment) -> OrderHistory:
    """The row of an order, begun if need be."""
    known = rows.get((of.customer_id, of.order_id))
    return known or OrderHistory(of.order_id, of.customer_id, of.customer_name, of.product_id, of.product_name, of.quantity)


def put(row: OrderHistory) -> None:
    """Stores a row."""
    rows.put((row.user_id, row.order_id), row)
