"""What is sent in a path and a query is read as the types of a handler's parameters."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest
from innkeeper import F32, S128, U64, Char, Context
from innkeeper.testing import TestContext


class Kind(Enum):
    A = "a"
    B = "b"


def test_a_list_in_a_path_or_a_query_stands_between_commas() -> None:
    lists = Context("Lists.")

    @lists.get("/lists/{ids}")
    def show(ids: list[U64], tags: list[str], sizes: list[float] | None = None, kinds: list[Kind] = [Kind.A]) -> dict[str, Any]:  # noqa: B006
        return {"ids": ids, "tags": tags, "sizes": sizes, "kinds": kinds}

    guest = TestContext(lists)
    found = guest.get("/lists/1,2?tags=x,%20y%20,,z&sizes=0.5&kinds=b,a").body
    assert found == {"ids": [1, 2], "tags": ["x", "y", "z"], "sizes": [0.5], "kinds": ["b", "a"]}
    assert guest.get("/lists/7?tags=").body == {"ids": [7], "tags": [], "sizes": None, "kinds": ["a"]}
    for path in ("/lists/1?sizes=1", "/lists/1,x?tags=", "/lists/1?tags=&sizes=1,x", "/lists/1?tags=&kinds=a,c", "/lists/1?tags=a&tags=b"):
        assert guest.get(path).status == 400, path
    refused = guest.get("/lists/1,x?tags=").body["detail"]
    assert '"1,x" is not a whole number, or several with commas between them' in refused


@dataclass(frozen=True)
class Every:
    pass


@dataclass(frozen=True)
class Other:
    pass


@dataclass(frozen=True)
class Fewer:
    value: U64


def test_what_has_no_text_cannot_be_in_a_path_or_a_query() -> None:
    def declare(path: str, hint: Any) -> None:
        def show(x: Any) -> None: ...

        show.__annotations__["x"] = hint
        Context("Any.").get(path)(show)

    for hint in (Fewer, tuple[U64, U64], dict[str, U64], None, list[list[U64]], list[Fewer], tuple[U64] | None, Every | Fewer):
        for path in ("/a/{x}", "/a"):
            with pytest.raises(TypeError, match="x cannot be in a path or a query"):
                declare(path, hint)
    for hint in (U64, S128, F32, float, bool, str, bytes, Char, Kind, Every | Other):
        for one in (hint, list[hint], hint | None, list[hint] | None):
            for path in ("/a/{x}", "/a"):
                declare(path, one)
