"""Tables: the typed parts of a context's state, and the only thing that outlives an invocation."""

from __future__ import annotations

import typing
from functools import cached_property
from typing import Any, Generic, TypeVar

from .host import Entry, Kept, host
from .key import Key
from .paging import Page, Paging, page_of
from .problem import Fault, Problem
from .text import is_well_formed, text_of
from .values import Form, Type, Types, encode, parse, type_of
from .values.marks import S64

_LARGEST_LIMIT = 2**32 - 1

K = TypeVar("K")
V = TypeVar("V")


class TableReader(Generic[K, V]):
    """What reads a table."""

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or name == "" or "/" in name or not is_well_formed(name):
            raise TypeError("a table has a name without `/`")
        self.name = name

    @cached_property
    def _hints(self) -> tuple[Any, Any]:
        """The types of its keys and values, as they stand in the brackets."""
        hints = typing.get_args(getattr(self, "__orig_class__", None))
        if len(hints) == 0:
            raise TypeError(f'the table {self.name} needs its types: {type(self).__name__}[…]("{self.name}")')
        return hints[0], hints[-1]

    @cached_property
    def _key(self) -> Key:
        return Key(self._hints[0])

    @cached_property
    def _value(self) -> Type:
        return type_of(self._hints[1])

    @property
    def parts(self) -> list[TableReader[Any, Any]]:
        """The tables that it is: itself, but for one with indexes."""
        return [self]

    def described(self, types: Types) -> tuple[str, list[str], int]:
        """For the description: its name, what its keys are made of, and the place of its values' type."""
        return self.name, self._key.describe(), types.place(self._value, Form.STATE)

    def get(self, key: K) -> V | None:
        """The value of a key; None where there is none."""
        stored = host().state.get(self.state_key(key))
        return None if stored is None else self._decoded(stored)

    def find(self, key: K, problem: Problem | None = None) -> V:
        """The value of a key; where there is none, the problem is raised, without one a 404."""
        stored = host().state.get(self.state_key(key))
        if stored is None:
            raise problem or Problem.not_found("There is no such entry.")
        return self._decoded(stored)

    def __contains__(self, key: K) -> bool:
        """Whether a key is there."""
        return host().state.get(self.state_key(key)) is not None

    def count(self) -> int:
        """How many keys there are: of any number, it costs the same."""
        return host().state.count(*self._all())

    def first(self, limit: int) -> list[tuple[K, V]]:
        """The first rows, at most so many."""
        return self._rows(*self._all(), limit, False)

    def last(self, limit: int) -> list[tuple[K, V]]:
        """The last rows, the last one first, at most so many."""
        return self._rows(*self._all(), limit, True)

    def after(self, key: K, limit: int) -> list[tuple[K, V]]:
        """The rows behind a key, whether or not it is there, at most so many."""
        return self._rows(f"{self.state_key(key)}\0", self._all()[1], limit, False)

    def range(self, start: K, end: K, limit: int) -> list[tuple[K, V]]:
        """The rows from a key up to another one, which is not among them, at most so many."""
        return self._rows(self.state_key(start), self.state_key(end), limit, False)

    def of(self, first: object, limit: int) -> list[tuple[K, V]]:
        """The rows whose keys begin with this part, in their order, at most so many."""
        return self._rows(*self._beginning(first), limit, False)

    def last_of(self, first: object, limit: int) -> list[tuple[K, V]]:
        """The last rows whose keys begin with this part, the last one first, at most so many."""
        return self._rows(*self._beginning(first), limit, True)

    def count_of(self, first: object) -> int:
        """How many keys begin with this part. It costs a look at each of them."""
        return host().state.count(*self._beginning(first))

    def next_id(self) -> int:
        """The next id, from 1. Ids may be skipped, and never come again once something was done with them."""
        return host().state.next_sequence(self.name)

    def page(self, paging: Paging) -> Page[V]:
        """A page of a table whose key is a number, in the order of the ids."""
        return page_of(self, paging)

    def holds(self, entry: Kept) -> bool:
        """Whether an entry of the state is a row of this table."""
        return entry.key.startswith(f"{self.name}/")

    def key_of(self, entry: Kept) -> K:
        """The key of a row."""
        if self.holds(entry):
            try:
                key: K = self._key.read(entry.key[len(self.name) + 1 :])
                return key
            except ValueError:
                pass
        raise Fault(f"{entry.key} is no row of {self.name}")

    def read(self, entry: Kept) -> V:
        """The value of a row."""
        if not self.holds(entry):
            raise Fault(f"{entry.key} is no row of {self.name}")
        return self._decoded(entry.value)

    def rows_from(self, first: Any, limit: int) -> list[tuple[K, V]]:
        """The rows from a key on, at most so many."""
        return self._rows(self.state_key(first), self._all()[1], limit, False)

    def count_between(self, start: Any, end: Any) -> int:
        """How many keys there are from one up to another, which is not among them; to the end where that is None."""
        return host().state.count(self.state_key(start), self._all()[1] if end is None else self.state_key(end))

    def last_before(self, end: Any) -> list[tuple[K, V]]:
        """The last row before a key, or of all."""
        start, behind = self._all()
        return self._rows(start, behind if end is None else self.state_key(end), 1, True)

    def _all(self) -> tuple[str, str]:
        return f"{self.name}/", f"{self.name}0"

    def _beginning(self, first: object) -> tuple[str, str]:
        start = f"{self.name}/{self._key.beginning(first)}"
        return start, start[:-1] + chr(ord(start[-1]) + 1)

    def state_key(self, key: K) -> str:
        """The key of the state under which the row of a key is."""
        return f"{self.name}/{self._key.write(key)}"

    def _rows(self, start: str, end: str, limit: int, is_reverse: bool) -> list[tuple[K, V]]:
        if type(limit) is not int:
            raise Fault(f"a limit is a whole number, not {text_of(limit)}")
        if limit <= 0:
            return []
        entries = host().state.scan(start, end, min(limit, _LARGEST_LIMIT), is_reverse)
        return [(self.key_of(entry), self._decoded(entry.value)) for entry in entries]

    def _encoded(self, value: object) -> bytes:
        return encode(self._value, value, Form.STATE, f"a record of {self.name} cannot be stored")

    def _decoded(self, stored: bytes) -> V:
        value: V = parse(self._value, stored, f"a record of {self.name} cannot be read")
        return value


class Table(TableReader[K, V]):
    """A typed part of the context's state: one of the `tables` of its declaration. `Table[U64, Note]("notes")`."""

    def put(self, key: K, value: V) -> None:
        """Stores a value under a key."""
        host().state.put(self.state_key(key), self._encoded(value))

    def delete(self, key: K) -> None:
        """Removes a key. Removing what is not there is no error."""
        host().state.delete(self.state_key(key))

    def entry(self, key: K, value: V) -> Entry:
        """The row that `put` would store, for a migration."""
        return Entry(self.state_key(key), self._encoded(value))


class Counter(TableReader[K, int]):
    """Numbers that are added to without being read, so that additions do not conflict with each other. `Counter[str]("hits")`."""

    @cached_property
    def _value(self) -> Type:
        return type_of(S64)

    def add(self, key: K, delta: int) -> None:
        """Adds to a number, which is 0 where nothing is there."""
        if type(delta) is not int or not -(2**63) <= delta < 2**63:
            raise Fault(f"a whole number of 64 bits is added, not {delta}")
        host().state.add(self.state_key(key), delta)

    def get(self, key: K) -> int:
        """The sum."""
        return super().get(key) or 0

    def delete(self, key: K) -> None:
        """Removes the number."""
        host().state.delete(self.state_key(key))
