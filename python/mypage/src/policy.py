"""How events change the view. Each changes what it tells of, and that once."""

from innkeeper import Delivery

import mileage
from events import Order, Shipment
from history import OrderState, put, row_of


def placed(order: Order, delivered: Delivery) -> None:
    """An order was placed: it is worth mileage."""
    row = row_of(order)
    row.timestamp = delivered.time
    row.payment = order.price * order.quantity
    # What is known already stays: the order may have been cancelled since.
    if row.order_state is None:
        row.order_state = OrderState.ORDER_PLACED
        mileage.give(row.user_id, row.order_id, row.payment, delivered.time)
    put(row)


def cancelled(order: Order, delivered: Delivery) -> None:
    """An order was cancelled: what it was worth is taken back."""
    row = row_of(order)
    if row.order_state is OrderState.ORDER_PLACED:
        mileage.take_back(row.user_id, row.order_id, row.payment or 0, delivered.time)
    row.order_state = OrderState.ORDER_CANCELLED
    put(row)


def started(shipment: Shipment) -> None:
    """A delivery is under way."""
    row = row_of(shipment)
    row.delivery_id, row.delivery_started = shipment.delivery_id, True
    put(row)


def completed(shipment: Shipment) -> None:
    """A delivery has arrived."""
    row = row_of(shipment)
    row.delivery_id, row.delivery_completed = shipment.delivery_id, True
    put(row)


def was_cancelled(shipment: Shipment) -> None:
    """A delivery was cancelled."""
    row = row_of(shipment)
    row.delivery_id, row.delivery_cancelled = shipment.delivery_id, True
    put(row)
