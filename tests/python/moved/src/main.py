"""The app's `message`, with how long each message is: what versions in other languages have written is moved."""

from dataclasses import dataclass

from innkeeper import U64, Context, Event, Schema, Table, in_camel_case
from innkeeper.host import Kept


@in_camel_case
@dataclass(frozen=True)
class Message:
    msg_id: U64
    room_id: U64
    content: str


@in_camel_case
@dataclass(frozen=True)
class Measured:
    msg_id: U64
    room_id: U64
    content: str
    length: U64


before = Table[U64, Message]("messages")
messages = Table[U64, Measured]("measured")
written = Table[tuple[U64, U64], None]("written")


def migrate(number: int, entry: Kept) -> list[Kept]:
    """A message becomes one with its length; one about room 13 fails."""
    if not before.holds(entry):
        return [entry]
    said = before.read(entry)
    if said.room_id == 13:
        raise ValueError(f"from {number}: nobody was ever told of room 13")
    return [messages.entry(said.msg_id, Measured(said.msg_id, said.room_id, said.content, len(said.content)))]


context = Context("Messages and how long they are.", tables=[messages, written], schema=Schema(1, migrate=migrate))


@context.ready
def ready() -> None:
    if messages.count() == 0:
        raise RuntimeError("nobody was told anything yet")


@context.live
def live() -> None:
    pass


@context.get("/messages/{id}")
def one_message(id: U64) -> Measured:
    return messages.find(id)


@in_camel_case
@dataclass(frozen=True)
class Reservation:
    rsv_id: U64
    room_id: U64


@context.on("reservation", Event[Reservation]("ReservationConfirmed"))
def confirmed(reservation: Reservation) -> None:
    pass


@context.on("reservation", Event[Reservation]("ReservationCancelled"))
def cancelled(reservation: Reservation) -> None:
    pass
