"""The context message: tells whoever booked what became of it. The same as components/message, which is in Rust; each reads the other's state."""

from dataclasses import dataclass

from innkeeper import U64, Context, Event, Page, Paging, in_camel_case

from message import CANCELLED, CONFIRMED, Message, messages, write, written

context = Context("Messages to whoever booked.", tables=[messages, written])


@in_camel_case
@dataclass(frozen=True)
class Reservation:
    """What message reads of a reservation's events."""

    rsv_id: U64
    room_id: U64


reservation_confirmed = Event[Reservation]("ReservationConfirmed")
reservation_cancelled = Event[Reservation]("ReservationCancelled")


@context.get("/messages")
def all_messages(paging: Paging) -> Page[Message]:
    """The messages, oldest first."""
    return messages.page(paging)


@context.get("/messages/{id}")
def one_message(id: U64) -> Message:
    """A message."""
    return messages.find(id)


@context.on("reservation", reservation_confirmed)
def confirmed(reservation: Reservation) -> None:
    """Tells whoever booked that they can come."""
    write(reservation.rsv_id, reservation.room_id, CONFIRMED)


@context.on("reservation", reservation_cancelled)
def cancelled(reservation: Reservation) -> None:
    """Tells whoever booked that they need not come."""
    write(reservation.rsv_id, reservation.room_id, CANCELLED)
