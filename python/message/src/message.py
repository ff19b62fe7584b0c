"""The aggregate Message."""

from dataclasses import dataclass

from innkeeper import U64, Table, in_camel_case


@in_camel_case
@dataclass(frozen=True)
class Message:
    """A message."""

    msg_id: U64
    room_id: U64
    content: str


messages = Table[U64, Message]("messages")
"""The messages."""

written = Table[tuple[U64, U64], None]("written")
"""What has been written about each reservation, by reservation and occasion: one message for each."""


@dataclass(frozen=True)
class Occasion:
    """What a message is written for, and what it says. The numbers are stored."""

    number: int
    says: str


CONFIRMED = Occasion(1, "Your reservation {rsv_id} of room {room_id} is confirmed.")
CANCELLED = Occasion(2, "Your reservation {rsv_id} of room {room_id} is cancelled, and your payment refunded.")


def write(rsv_id: int, room_id: int, occasion: Occasion) -> None:
    """Writes a message, unless there is one about this occasion of the reservation."""
    key = (rsv_id, occasion.number)
    if key in written:
        return
    written.put(key, None)
    msg_id = messages.next_id()
    content = occasion.says.format(rsv_id=rsv_id, room_id=room_id)
    messages.put(msg_id, Message(msg_id, room_id, content))
