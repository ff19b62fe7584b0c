"""A played state: what is there, and what an invocation stages."""

from collections.abc import Callable, Collection
from typing import NoReturn

from ..host import Entry
from .limits import Limits, wrong_with_key, wrong_with_sequence

Refuse = Callable[[str], NoReturn]
"""Ends the invocation."""

_BOUND = 10_000
"""How many entries a scan answers that names no limit."""


class State:
    """What is there."""

    def __init__(self) -> None:
        self.rows: dict[str, bytes] = {}
        self.sequences: dict[str, int] = {}

    def unit(self, tables: Collection[str], limits: Limits, refuse: Refuse) -> "Unit":
        """The state as an invocation sees and changes it."""
        return Unit(self, tables, limits, refuse)


class Unit:
    """The state as an invocation sees and changes it."""

    def __init__(self, state: State, tables: Collection[str], limits: Limits, refuse: Refuse) -> None:
        self._state = state
        self._tables = tables
        self._limits = limits
        self._refuse = refuse
        self._rows = dict(state.rows)
        self._changed: set[str] = set()
        self._drawn = 0

    def _check(self, key: str) -> None:
        table, slash, _ = key.partition("/")
        if not slash or table not in self._tables:
            self._refuse(f"a key of the table {table} was written, which the context does not describe: name it under `tables`")
        self._note_change(key)

    def _note_change(self, key: str) -> None:
        wrong = wrong_with_key(key)
        if wrong is not None:
            self._refuse(wrong)
        self._changed.add(key)
        if len(self._changed) > self._limits.keys:
            self._refuse(f"an invocation changes at most {self._limits.keys:,} keys (limits.commit.keys)")

    def get(self, key: str, /) -> bytes | None:
        """The value of a key."""
        return self._rows.get(key)

    def put(self, key: str, value: bytes, /) -> None:
        """Stages a value."""
        self._check(key)
        self._rows[key] = value

    def add(self, key: str, delta: int, /) -> None:
        """Stages an addition."""
        self._check(key)
        total = int(self._rows.get(key, b"0").strip(b'"')) + delta
        if not -(2**63) <= total < 2**63:
            self._refuse("the sum is no s64")
        self._rows[key] = (f'"{total}"' if abs(total) >= 2**53 else str(total)).encode("ascii")

    def delete(self, key: str, /) -> None:
        """Stages a removal."""
        self._note_change(key)
        self._rows.pop(key, None)

    def scan(self, start: str, end: str, limit: int, reverse: bool, /) -> list[Entry]:
        """The entries of a range, by the bytes of their keys."""
        keys = sorted(self._inside(start, end), key=lambda key: key.encode("utf-8"), reverse=reverse)
        return [Entry(key, self._rows[key]) for key in keys[: limit or _BOUND]]

    def count(self, start: str, end: str, /) -> int:
        """How many there are in a range."""
        return len(self._inside(start, end))

    def _inside(self, start: str, end: str) -> list[str]:
        first, last = start.encode("utf-8"), end.encode("utf-8")
        return [key for key in self._rows if first <= key.encode("utf-8") and (end == "" or key.encode("utf-8") < last)]

    def next_sequence(self, name: str, /) -> int:
        """The next number. It stays drawn, whatever becomes of the invocation."""
        wrong = wrong_with_sequence(name)
        if wrong is not None:
            self._refuse(wrong)
        self._drawn += 1
        if self._drawn > self._limits.numbers:
            self._refuse(f"an invocation draws at most {self._limits.numbers:,} numbers (limits.commit.numbers)")
        number = self._state.sequences.get(name, 0) + 1
        self._state.sequences[name] = number
        return number

    def commit(self) -> None:
        """Makes it what is there."""
        self._state.rows = self._rows
