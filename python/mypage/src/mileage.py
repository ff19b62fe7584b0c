"""Mileage: a tenth of each payment, given for an order and taken back when it is cancelled.

Events of different orders come in any order, so the entries of a customer are found by the time of their events, and what they come to is said when they are shown.
"""

from dataclasses import dataclass

from innkeeper import S64, U64, Counter, Table, in_camel_case


@dataclass(frozen=True)
class Entry:
    """Something that was given, or taken back."""

    order_id: U64
    mileage: S64
    """Less than 0 where it was taken back."""
    timestamp: U64


@in_camel_case
@dataclass(frozen=True)
class MileageHistory:
    """An entry, as it is shown."""

    order_id: U64
    user_id: str
    mileage: S64
    timestamp: U64
    total_mileage: S64
    """What the customer had from then on."""


entries = Table[tuple[str, str], Entry]("entries")
"""What was given and taken back, by customer and place: the newest is the last."""

totals = Counter[str]("totals")
"""What each customer has."""

_PART = 10
"""Which part of a payment is given."""


def give(user_id: str, order_id: int, payment: int, timestamp: int) -> None:
    """Gives a tenth of a payment."""
    _enter(user_id, order_id, payment // _PART, timestamp, "given")


def take_back(user_id: str, order_id: int, payment: int, timestamp: int) -> None:
    """Takes it back."""
    _enter(user_id, order_id, -(payment // _PART), timestamp, "taken")


def _enter(user_id: str, order_id: int, mileage: int, timestamp: int, what: str) -> None:
    # Of one time by order, and what was given before what was taken back: so a projection that is filled anew shows the same.
    place = f"{timestamp:016x}-{order_id:016x}-{what}"
    totals.add(user_id, mileage)
    entries.put((user_id, place), Entry(order_id, mileage, timestamp))


def newest(user_id: str, limit: int) -> list[MileageHistory]:
    """The newest entries of a customer, the newest first, at most so many."""
    total = totals.get(user_id)
    shown = []
    for _, entry in entries.last_of(user_id, limit):
        shown.append(MileageHistory(entry.order_id, user_id, entry.mileage, entry.timestamp, total))
        total -= entry.mileage
    return shown
