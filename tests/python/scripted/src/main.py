"""What a context in Python may do, and what becomes of it. It stands in the place of the app's `room`."""

import random
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from innkeeper import (
    U64,
    Answer,
    Calls,
    Context,
    Counter,
    Delivery,
    Event,
    Failure,
    Problem,
    Reject,
    Table,
    answer,
    cancel,
    emit,
    emit_after,
    in_camel_case,
    invocation,
)


@dataclass(frozen=True)
class Mark:
    name: str


@in_camel_case
@dataclass(frozen=True)
class Unavailable:
    rsv_id: U64
    reason: str


@dataclass(frozen=True)
class Number:
    number: U64


marks = Table[str, Mark]("marks")
rings = Counter[str]("rings")
marked = Event[Mark]("Marked", subject=lambda mark: mark.name)
due = Event[Mark]("Due", subject=lambda mark: mark.name)
room_unavailable = Event[Unavailable]("RoomUnavailable", subject=lambda unavailable: unavailable.rsv_id)
nobody = Event[Mark]("Nobody", subject=lambda mark: None)
payments = Calls("stay:payment/payments")

context = Context("What a context in Python may do.", tables=[marks, rings], publishes=[marked, due, room_unavailable, nobody], calls=[payments])

# It is drawn once, when the component is made, and is the same in each invocation.
EARLY = random.random()


class Bare(Exception):
    """An exception that has no text."""

    def __str__(self) -> str:
        raise TypeError("not even that")


def deep(level: int) -> int:
    return deep(level + 1) + 1


def raising(error: BaseException) -> Callable[[], Any]:
    def run() -> Any:
        raise error

    return run


async def later() -> int:
    return 1


wrong: Any = 7
nothing: Any = None
part: Any = 1.5

FAILURES: dict[str, Callable[[], Any]] = {
    "type": lambda: wrong.nothing,
    "exit": lambda: sys.exit("a text"),
    "interrupt": raising(KeyboardInterrupt()),
    "deep": lambda: deep(0),
    "answer": lambda: {"deep": [object()]},
    "later": lambda: later(),
    "status": lambda: answer(99, {}),
    "bare": raising(Bare()),
    "state": lambda: marks.put("x", Mark(wrong)),
    # The host takes characters only, and this has half of one.
    "half": raising(TypeError("half \ud800")),
    "cancel": lambda: cancel(nothing),
    "cancel-half": lambda: cancel("\ud800"),
    "limit": lambda: marks.first(part),
    "subject": lambda: emit(nobody, Mark("x")),
    "problem": raising(Problem.conflict("As asked.")),
}


@context.offer("stay:room/rooms", undo="release")
def hold(room_id: int, rsv_id: int) -> Any:
    if room_id == 404:
        raise Failure("not-found", "There is no such room.")
    if room_id == 500:
        raise TypeError("on purpose")
    if room_id == 501:
        raise Failure("haunted", "There is somebody.")
    if room_id == 502:
        return later()
    if room_id == 503:
        raise Failure("taken", 7)
    if room_id == 504:
        return "more than was asked for"
    marks.put(str(room_id), Mark(f"held by {rsv_id}"))
    return None


@context.offer("stay:room/rooms")
def release(room_id: int, rsv_id: int) -> None:
    marks.delete(str(room_id))


@context.post("/scripted/fail/{how}")
def fail(how: str) -> Any:
    marks.put("failed", Mark(how))
    return FAILURES[how]()


@context.get("/scripted/marks")
def all_marks() -> list[str]:
    return [mark.name for _, mark in marks.first(100)]


@context.get("/scripted/own")
def own() -> dict[str, Any]:
    identity = invocation.identity
    return {
        "early": EARLY,
        "random": random.random(),
        "date": time.time_ns() // 1_000_000,
        "now": invocation.now(),
        "uuid": str(uuid.uuid4()),
        "identity": None if identity is None else identity.subject,
    }


@context.post("/scripted/pay/{rsv}")
def pay(rsv: U64) -> dict[str, Any]:
    if rsv == 7:
        # It is a whole number that the interface asks for.
        payments.approve("seven", 1)
    paid = payments.approve(rsv, 1)
    marks.put("paid", Mark(str(paid)))
    if rsv % 2 == 1:
        raise Problem.conflict("Odd ones are not kept.")
    return {"paid": paid}


@context.post("/scripted/overflow/{parameter}")
def overflow(parameter: str) -> dict[str, Any]:
    return {"paid": payments.approve(int(parameter), 1)}


@context.post("/scripted/marks/{name}")
def mark(name: str) -> None:
    emit(marked, Mark(name))
    emit_after(1, due, Mark(name))


@context.post("/scripted/read")
def read(body: Number) -> Number:
    return body


@context.get("/scripted/asks")
def asks() -> dict[str, Any]:
    identity = invocation.require_identity()
    return {
        "subject": identity.subject,
        "issuer": identity.issuer,
        "scopes": identity.scopes,
        "mayLook": identity.has_scope("look"),
        "rooms": identity.claim("rooms"),
        "photo": identity.claim("photo"),
    }


@context.get("/scripted/rings/{name}")
def rung(name: str) -> Answer | int:
    return rings.get(name)


@context.on("room", marked)
def ring(mark: Mark, delivery: Delivery) -> None:
    if mark.name == "rejected":
        raise Reject(f"{delivery.subject} is rejected")
    if mark.name == "boom" and invocation.attempt < 2:
        raise TypeError("on purpose")
    # What looks like an end of a program is none: it is tried again.
    if mark.name == "odd" and invocation.attempt < 2:
        sys.exit(0)
    rings.add(mark.name, 1)


@context.on("room", due)
def came_due(mark: Mark) -> None:
    rings.add(mark.name, 10)
