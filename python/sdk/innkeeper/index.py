"""Indexes: other ways to find the rows of a table, kept in the same commit as these. Their rows are those of Rust's SDK."""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

from .host import Entry, host
from .immediate import refuse_async, refuse_later
from .problem import Taken
from .table import Table, TableReader
from .text import checked_text

X = TypeVar("X")
K = TypeVar("K")
V = TypeVar("V")
KeyIn = TypeVar("KeyIn", contravariant=True)
RowIn = TypeVar("RowIn", contravariant=True)

Change = tuple[str, bytes | None]
"""What becomes of a key of the state: its value, or None where it is removed. It is made only when nothing can fail any more."""

Indexed = Callable[[V], X | None]
"""What an index says of a row: the value that it is found by, or None where it is not in the index."""


class Indexes(Protocol[KeyIn, RowIn]):
    """An index, as its table uses it."""

    @property
    def rows(self) -> Table[Any, Any]:
        """What it keeps."""

    def check(self, key: KeyIn, value: RowIn) -> None:
        """Raises `Taken` where a row cannot have this value."""

    def changes(self, key: KeyIn, old: RowIn | None, new: RowIn | None) -> list[Change]:
        """What follows from a change of a row; None stands for one that is not there."""

    def entries(self, key: KeyIn, value: RowIn) -> list[Entry]:
        """What it has of a row."""


class _Index(Generic[X, K, V]):
    """What both kinds have in common."""

    def __init__(self, name: str, of: Indexed[V, X]) -> None:
        self.name = checked_text("the name of an index", name)
        refuse_async(f"the index {name}", of)
        self._of = of

    @cached_property
    def _hints(self) -> tuple[Any, Any]:
        """The types of the value that a row is found by, and of the table's keys, as they stand in the brackets."""
        hints = typing.get_args(getattr(self, "__orig_class__", None))
        if len(hints) == 0:
            raise TypeError(f'the index {self.name} needs its types: {type(self).__name__}[…]("{self.name}", …)')
        return hints[0], hints[1]

    def _value_of(self, row: V | None) -> X | None:
        return None if row is None else refuse_later(f"the index {self.name}", self._of(row))


class Unique(_Index[X, K, V]):
    """Finds the one row that has a value: no two rows may have the same.

        by_isbn = Unique[str, U64, Book]("by-isbn", lambda book: book.isbn)
        books = IndexedTable[U64, Book]("books", [by_isbn])

    A row of which its function says None is not in the index. Rows that were there before the index are not in it either: a version that adds one to a table that has
    rows takes another number of its `Schema`, whose `migrate` answers the `entries` of the table.
    """

    @cached_property
    def rows(self) -> Table[X, K]:
        """The keys of rows, by the values that they are found by."""
        value, key = self._hints
        table: Any = Table
        rows: Table[X, K] = table[value, key](self.name)
        return rows

    def key(self, value: X) -> K | None:
        """The key of the row that has this value; None where there is none."""
        return self.rows.get(value)

    def check(self, key: K, value: V) -> None:
        """Raises `Taken` where another row has what this one would have."""
        wanted = self._value_of(value)
        if wanted is not None and self.rows.get(wanted) not in (None, key):
            raise Taken(self.name)

    def changes(self, key: K, old: V | None, new: V | None) -> list[Change]:
        """What follows from a change of a row; None stands for one that is not there."""
        before, after = self._value_of(old), self._value_of(new)
        if before == after:
            return []
        changes: list[Change] = []
        # Rows that a migration brought may have had the same value: then the entry is the other one's.
        if before is not None and self.rows.get(before) == key:
            changes.append((self.rows.state_key(before), None))
        if after is not None:
            changes.append(_written(self.rows.entry(after, key)))
        return changes

    def entries(self, key: K, value: V) -> list[Entry]:
        """What it has of a row."""
        found = self._value_of(value)
        return [] if found is None else [self.rows.entry(found, key)]


class Index(_Index[X, K, V]):
    """Finds all rows that have a value; see `Unique`. `Index[U64, U64, Book]("by-shelf", lambda book: book.shelf)`."""

    @cached_property
    def rows(self) -> Table[tuple[X, K], None]:
        """The values that rows are found by, each with the row's key."""
        value, key = self._hints
        table: Any = Table
        rows: Table[tuple[X, K], None] = table[tuple.__class_getitem__((value, key)), None](self.name)
        return rows

    def count(self, value: X) -> int:
        """How many rows have this value. It costs a look at the key of each."""
        return self.rows.count_of(value)

    def keys(self, value: X, limit: int) -> list[K]:
        """The keys of the rows that have this value, in their order, at most so many."""
        return [key for (_, key), _ in self.rows.of(value, limit)]

    def last(self, value: X, limit: int) -> list[K]:
        """The last of these keys, the last one first, at most so many."""
        return [key for (_, key), _ in self.rows.last_of(value, limit)]

    def check(self, key: K, value: V) -> None:
        """Any row can have any value."""

    def changes(self, key: K, old: V | None, new: V | None) -> list[Change]:
        """What follows from a change of a row; None stands for one that is not there."""
        before, after = self._value_of(old), self._value_of(new)
        if before == after:
            return []
        changes: list[Change] = []
        if before is not None:
            changes.append((self.rows.state_key((before, key)), None))
        if after is not None:
            changes.append(_written(self.rows.entry((after, key), None)))
        return changes

    def entries(self, key: K, value: V) -> list[Entry]:
        """What it has of a row."""
        found = self._value_of(value)
        return [] if found is None else [self.rows.entry((found, key), None)]


class IndexedTable(TableReader[K, V]):
    """A table with indexes, one of the `tables` of a context, which has those of its indexes with it: `IndexedTable[U64, Book]("books", [by_isbn, by_shelf])`.

    It is read as a `Table` is, and changed by what changes its indexes, too.
    """

    def __init__(self, name: str, indexes: Sequence[Indexes[K, V]]) -> None:
        super().__init__(name)
        self.indexes = list(indexes)

    @property
    def parts(self) -> list[TableReader[Any, Any]]:
        """Itself, and what its indexes keep."""
        return [self, *(index.rows for index in self.indexes)]

    def put(self, key: K, value: V) -> None:
        """Stores a value under a key. Raises `Taken` where another row has what only one may have: a 409 where nobody catches it. Then nothing is changed."""
        row, old = self.entry(key, value), self.get(key)
        for index in self.indexes:
            index.check(key, value)
        self._change(_written(row), key, old, value)

    def delete(self, key: K) -> None:
        """Removes a key. Removing what is not there is no error."""
        self._change((self.state_key(key), None), key, self.get(key), None)

    def entry(self, key: K, value: V) -> Entry:
        """The row alone, without what its indexes have of it."""
        return Entry(self.state_key(key), self._encoded(value))

    def entries(self, key: K, value: V) -> list[Entry]:
        """The rows that `put` would store, those of the indexes among them: for a migration."""
        return [self.entry(key, value), *(entry for index in self.indexes for entry in index.entries(key, value))]

    def _change(self, row: Change, key: K, old: V | None, new: V | None) -> None:
        """Changes a row and what the indexes have of it, or nothing."""
        changes = [row, *(change for index in self.indexes for change in index.changes(key, old, new))]
        state = host().state
        for place, value in changes:
            if value is None:
                state.delete(place)
            else:
                state.put(place, value)


def _written(entry: Entry) -> Change:
    return entry.key, entry.value
