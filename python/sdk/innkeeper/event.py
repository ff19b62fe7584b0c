"""Events: they exist if and only if the commit does that emitted them."""

from __future__ import annotations

import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

from .host import host
from .immediate import refuse_async, refuse_later
from .json_text import NotJson, decode_json
from .problem import Fault, Reject
from .text import checked_text, to_well_formed
from .values import Form, Mismatch, Type, encode, mismatch_text, type_of
from .values.scalars import Bytes

T = TypeVar("T")


class Event(Generic[T]):
    """A kind of event, and what it carries. `Event[Note]("NoteLeft", subject=lambda note: note.id)`.

    Where this context publishes it, `subject` names what an event is about: events of one subject keep their order.
    """

    def __init__(self, kind: str, *, subject: Callable[[T], object] | None = None) -> None:
        self.kind = checked_text("the kind of an event", kind)
        self.subject = subject
        if subject is not None:
            refuse_async(f"the subject of {kind}", subject)

    @cached_property
    def data(self) -> Type:
        """The type of what it carries, as it stands in the brackets."""
        hints = typing.get_args(getattr(self, "__orig_class__", None))
        if len(hints) == 0:
            raise TypeError(f'the event {self.kind} needs its type: Event[…]("{self.kind}")')
        return type_of(hints[0])

    def staged(self, data: T) -> tuple[str, str, bytes]:
        """Its kind, its subject and its data, as they are published."""
        if self.subject is None:
            raise TypeError(f'{self.kind} has no subject: Event[…]("{self.kind}", subject=lambda data: …) says what it is about')
        said = encode(self.data, data, Form.EVENT, f"a {self.kind} cannot be published")
        subject = refuse_later(f"the subject of {self.kind}", self.subject(data))
        # Whatever else had a text would put events into one order that have nothing to do with each other.
        if type(subject) not in (str, int):
            raise Fault(f"the subject of {self.kind} is a text or a whole number, not a value of the type {type(subject).__name__}")
        return self.kind, to_well_formed(str(subject)), said


def emit(event: Event[T], data: T) -> str:
    """Stages an event; answers its id."""
    return host().outbox.emit(*event.staged(data))


def emit_after(delay: timedelta | int, event: Event[T], data: T) -> str:
    """Stages a durable timer: an event that is published so long after the commit, or later; a number is milliseconds. Answers the id to cancel it with."""
    milliseconds = delay // timedelta(milliseconds=1) if isinstance(delay, timedelta) else delay
    if type(milliseconds) is not int or not 0 <= milliseconds < 2**64:
        raise Fault(f"a timer waits a whole number of milliseconds, not {delay}")
    return host().outbox.emit_after(milliseconds, *event.staged(data))


def cancel(id: str) -> bool:
    """Stages the cancellation of a timer. False when it has fired, was cancelled, or never was."""
    return host().outbox.cancel(checked_text("the id of a timer", id))


class DeliveredEvent(Protocol):
    """An event as the contract has it."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def time(self) -> int: ...
    @property
    def content_type(self) -> str: ...
    @property
    def data(self) -> bytes: ...
    @property
    def extensions(self) -> list[tuple[str, str]]: ...


@dataclass(frozen=True)
class Delivery:
    """What is known of an event besides its data. `time` is in milliseconds since the Unix epoch."""

    id: str
    source: str
    subject: str
    time: int
    content_type: str
    extensions: dict[str, str]


@dataclass(frozen=True)
class Policy:
    """What a context does about events of a kind that another context publishes."""

    source: str
    event: Event[Any]
    run: Callable[..., Any]
    wants_delivery: bool

    def handle(self, delivered: DeliveredEvent) -> None:
        """Runs it."""
        parameters = [_read_data(self.event, delivered)]
        if self.wants_delivery:
            parameters.append(
                Delivery(
                    delivered.id,
                    delivered.source,
                    delivered.subject,
                    delivered.time,
                    delivered.content_type,
                    dict(delivered.extensions),
                )
            )
        refuse_later(f"what the policy for {self.event.kind} returned", self.run(*parameters))


def _is_json(content_type: str) -> bool:
    media_type = content_type.split(";")[0].strip().lower()
    return media_type.endswith(("/json", "+json"))


_OPAQUE: Any = object()


def _read_opaque(of: Type, data: bytes) -> Any:
    """What data is that says that it is no JSON: a text, or bytes, for whoever reads such."""
    if isinstance(of, Bytes):
        return data
    # Where `null` is a value, its absence is told in JSON.
    if not of.takes_null:
        try:
            return of.read(data.decode("utf-8"), Form.EVENT)
        except (UnicodeDecodeError, Mismatch):
            pass
    try:
        return of.read(list(data), Form.EVENT)
    except Mismatch:
        return _OPAQUE


def _read_data(event: Event[Any], delivered: DeliveredEvent) -> Any:
    """What an event carries. What says that it is no JSON may be JSON all the same, since not every producer says what it sends. Data that cannot be read will not get better:
    the event is rejected."""
    if not _is_json(delivered.content_type):
        opaque = _read_opaque(event.data, delivered.data)
        if opaque is not _OPAQUE:
            return opaque
    try:
        return event.data.read(decode_json(delivered.data), Form.EVENT)
    except Mismatch as mismatch:
        reason = mismatch_text(mismatch)
    except NotJson as error:
        reason = str(error)
    raise Reject(f"the data of {event.kind} cannot be read: {reason}")
