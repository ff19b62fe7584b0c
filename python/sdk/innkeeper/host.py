"""What answers a context's questions: the imports of its component, or a played host in tests.

It is set from outside, so that a module of a context can be loaded anywhere: by the build, by a test, by an editor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    # Whoever imports it asks outside.
    from .outbound import Request, Response


@dataclass(frozen=True)
class Entry:
    """A key of the state and its value."""

    key: str
    value: bytes


class Kept(Protocol):
    """An entry, whoever made it."""

    @property
    def key(self) -> str: ...
    @property
    def value(self) -> bytes: ...


class State(Protocol):
    """The context's state, as the contract has it."""

    def get(self, key: str, /) -> bytes | None: ...
    def put(self, key: str, value: bytes, /) -> None: ...
    def add(self, key: str, delta: int, /) -> None: ...
    def delete(self, key: str, /) -> None: ...
    def scan(self, start: str, end: str, limit: int, reverse: bool, /) -> Sequence[Kept]: ...
    def count(self, start: str, end: str, /) -> int: ...
    def next_sequence(self, name: str, /) -> int: ...


class Outbox(Protocol):
    """Events and timers, as the contract has them."""

    def emit(self, kind: str, subject: str, data: bytes, /) -> str: ...
    def emit_after(self, delay_ms: int, kind: str, subject: str, data: bytes, /) -> str: ...
    def cancel(self, id: str, /) -> bool: ...


class Verified(Protocol):
    """Who is behind an invocation, as the contract has it."""

    @property
    def issuer(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def scopes(self) -> list[str]: ...
    @property
    def claims(self) -> list[tuple[str, str]]: ...


class Running(Protocol):
    """The invocation that runs, as the contract has it."""

    def id(self) -> str: ...
    def correlation_id(self) -> str: ...
    def causation_id(self) -> str: ...
    def attempt(self) -> int: ...
    def now(self) -> int: ...
    def new_id(self) -> str: ...
    def identity(self) -> Verified | None: ...


class Host(Protocol):
    """All that can be asked."""

    @property
    def state(self) -> State: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def invocation(self) -> Running: ...

    def settings(self) -> list[tuple[str, str]]:
        """Every key of the configuration with its value."""

    def log(self, level: str, message: str) -> None:
        """Writes a line; levels are those of the contract."""

    def call(self, interface: str, function: str, parameters: tuple[Any, ...]) -> Any:
        """Calls another context; raises `Failure`."""

    def send(self, request: Request) -> Response:
        """Asks outside; raises an `Error` of `outbound`."""


_answering: Host | None = None


@contextmanager
def answered_by(host: Host) -> Iterator[None]:
    """Has this host answer meanwhile."""
    global _answering
    before = _answering
    _answering = host
    try:
        yield
    finally:
        _answering = before


def host() -> Host:
    """The host, while an invocation runs."""
    if _answering is None:
        raise RuntimeError("nothing can be asked of the host here: it answers while an invocation runs, and in tests within a TestContext")
    return _answering
