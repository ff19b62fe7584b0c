"""What mypage reads of the events that it follows."""

from dataclasses import dataclass

from innkeeper import U64, Event, in_camel_case


@in_camel_case
@dataclass(frozen=True)
class Order:
    """An order."""

    order_id: U64
    product_id: U64
    product_name: str
    quantity: U64
    price: U64
    """The price of one."""
    customer_id: str
    customer_name: str


@in_camel_case
@dataclass(frozen=True)
class Shipment:
    """A delivery."""

    delivery_id: U64
    order_id: U64
    product_id: U64
    product_name: str
    quantity: U64
    customer_id: str
    customer_name: str


order_placed = Event[Order]("OrderPlaced")
order_cancelled = Event[Order]("OrderCancelled")
delivery_started = Event[Shipment]("DeliveryStarted")
delivery_completed = Event[Shipment]("DeliveryCompleted")
delivery_cancelled = Event[Shipment]("DeliveryCancelled")
