"""Parts of collections: `?after=17&size=20`, what comes after an item, or `?page=0&size=20`, pages from 0."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote

from .problem import Problem

NAMES = ("page", "after", "size")
"""What is read of a query."""

_SIZE = 20
MAX_SIZE = 100
"""How many items a page has at most."""
_LARGEST_PAGE = 2**32 - 1
_LARGEST_ID = 2**64 - 1
_PLAIN = re.compile(r"0|[1-9][0-9]{0,19}")
"""A number in its canonical form: digits, no sign, no leading zero."""

V = TypeVar("V")
W = TypeVar("W")


def _number(query: Sequence[tuple[str, str]], name: str, what: str, most: int) -> int | None:
    values = [value for found, value in query if found == name]
    if len(values) > 1:
        raise Problem(400, f"Invalid {name} in the query: it is there twice.")
    if not values:
        return None
    if not _PLAIN.fullmatch(values[0]) or int(values[0]) > most:
        raise Problem(400, f"Invalid {name} in the query: {json.dumps(values[0], ensure_ascii=False)} is not {what}.")
    return int(values[0])


@dataclass(frozen=True)
class Paging:
    """Which part of a collection is wanted: a page, from 0, or what comes after an item."""

    page: int | None = 0
    after: int | None = None
    size: int = _SIZE
    asked: str | None = None
    """What was asked for besides, for links."""

    @classmethod
    def of(cls, path: str, query: Sequence[tuple[str, str]]) -> Paging:
        """What a request asks for; other values are answered 400."""
        page = _number(query, "page", "a page number", _LARGEST_PAGE)
        after = _number(query, "after", "the id of an item", _LARGEST_ID)
        size = _number(query, "size", "a number of items", _LARGEST_PAGE)
        size = _SIZE if size is None else size
        if not 1 <= size <= MAX_SIZE:
            raise Problem(400, f"Invalid size in the query: it must be from 1 to {MAX_SIZE}.")
        if page is not None and after is not None:
            raise Problem(400, "Invalid query: it has both page and after; send the one that you want to begin at.")
        kept = [f"{quote(name, safe='')}={quote(value, safe='')}&" for name, value in query if name not in NAMES]
        return cls(None if after is not None else page or 0, after, size, f"{path}?{''.join(kept)}")


class _Pages(Protocol[V]):
    """As much of a table as makes pages of it."""

    def count(self) -> int: ...
    def after(self, key: Any, limit: int) -> list[tuple[Any, V]]: ...
    def last(self, limit: int) -> list[tuple[Any, V]]: ...
    def rows_from(self, first: Any, limit: int) -> list[tuple[Any, V]]: ...
    def count_between(self, start: Any, end: Any) -> int: ...
    def last_before(self, end: Any) -> list[tuple[Any, V]]: ...


@dataclass(frozen=True)
class Page(Generic[V]):
    """A part of a collection, oldest first."""

    items: list[V]
    total: int
    paging: Paging
    next: int | None
    """The last item's id, where there is more behind it."""

    def map(self, change: Callable[[V], W]) -> Page[W]:
        """The same page, with each item turned into another."""
        return Page([change(item) for item in self.items], self.total, self.paging, self.next)

    def to_json(self) -> dict[str, Any]:
        """As it is answered."""
        paging = self.paging
        start = {"page": paging.page} if paging.after is None else {"after": paging.after}
        return {"items": self.items, **start, "size": paging.size, "total": self.total}

    @property
    def links(self) -> str | None:
        """Where the other parts are, as a `Link` header says it (RFC 8288)."""
        page, size, asked = self.paging.page, self.paging.size, self.paging.asked
        if asked is None:
            return None
        links = [("page=0", "first")]
        if page is not None and page > 0:
            links.append((f"page={page - 1}", "prev"))
        if self.next is not None:
            links.append((f"after={self.next}", "next"))
        links.append((f"page={max(self.total - 1, 0) // size}", "last"))
        return ", ".join(f'<{asked}{start}&size={size}>; rel="{relation}"' for start, relation in links)


def page_of(table: _Pages[V], paging: Paging) -> Page[V]:
    """A page of a table whose key is a number."""
    total, size = table.count(), paging.size
    if paging.after is not None:
        # One more tells whether there is more.
        entries = table.after(paging.after, size + 1)
        has_more, entries = len(entries) > size, entries[:size]
    else:
        offset = (paging.page or 0) * size
        entries = _rows(table, offset, size, total)
        has_more = offset + len(entries) < total
    last = entries[-1][0] if entries and has_more else None
    return Page([value for _, value in entries], total, paging, last)


def _rows(table: _Pages[V], offset: int, size: int, total: int) -> list[tuple[Any, V]]:
    """So many rows, or less at the end, behind the first `offset` of all `total`."""
    left = total - offset
    if left <= 0:
        return []
    if left <= size:
        return table.last(left)[::-1]
    first = _first_behind(table, offset) if offset <= left else _first_of_last(table, left)
    return [] if first is None else table.rows_from(first, size)


def _first_behind(table: _Pages[Any], n: int) -> int | None:
    """An id that has exactly `n` ids of the table before it: `n` ids take at least `n` numbers, so as many are skipped as are missing, and counted."""
    id, missing = 0, n
    while missing > 0:
        following = min(id + missing, _LARGEST_ID)
        skipped = table.count_between(id, following)
        missing -= skipped
        id = following
        if skipped == 0:
            rows = table.rows_from(id, 1)
            if not rows:
                return None
            id = rows[0][0]
    return id


def _first_of_last(table: _Pages[Any], n: int) -> int | None:
    """An id that has exactly `n` ids of the table from it on: the same from the other end."""
    end, missing = None, n
    while True:
        rows = table.last_before(end)
        if not rows:
            return None
        first: int = max(rows[0][0] - (missing - 1), 0)
        missing -= table.count_between(first, end)
        if missing <= 0:
            return first
        end = first
