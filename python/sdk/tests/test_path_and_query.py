"""What is sent in a path and a query is read as the types of a handler's parameters."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import pytest
from innkeeper import F32, S128, U8, U64, Char, Context, Keyword, Outside, Paging, Request, Stored, UpTo
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


Class = Annotated[str | None, Outside("class")]


def test_a_parameter_of_the_path_or_the_query_may_have_another_name_outside() -> None:
    context = Context("Names.")

    @context.get("/rooms/{class}/{room-id}/{*a.b}")
    def show(
        kind: Annotated[str, Outside("class")],
        room_id: U64,
        left: Annotated[str, Outside("a.b")],
        to: Annotated[U64, Outside("body")],
        from_: Annotated[U64 | None, Outside("from")] = None,
        in_: Annotated[list[Kind], Outside("in")] = [],  # noqa: B006
        room: Annotated[str, UpTo(3), Outside("a room")] = "one",
    ) -> list[Any]:
        return [kind, room_id, left, to, from_, in_, room]

    @context.get("/find")
    def find(paging: Paging, request: Request, class_: Class = None) -> list[Any]:
        return [class_, paging.page]

    guest = TestContext(context)
    assert guest.get("/rooms/twin/7/x/y?body=2&from=1&in=a,b&a%20room=two").body == ["twin", 7, "x/y", 2, 1, ["a", "b"], "two"]
    assert guest.get("/rooms/twin/7/x?body=2").body == ["twin", 7, "x", 2, None, [], "one"]
    assert guest.get("/find?class=b&page=1").body == ["b", 1]
    for query, said in (
        ("from_=1&body=2", 'nobody reads "from_" here'),
        ("from=x&body=2", 'from is "x", which is not a whole number'),
        ("from=1&from=2&body=2", "from is there twice"),
        ("from=1", "body is missing"),
        ("to=1", 'nobody reads "to" here'),
    ):
        refused = guest.get(f"/rooms/twin/7/x?{query}")
        assert (refused.status, said in refused.body["detail"]) == (400, True), refused
    assert "Invalid room-id in the path" in guest.get("/rooms/twin/x/x?body=2").body["detail"]
    rooms, found = context.document().routes
    assert [name for name, _, _ in rooms.parameters] == ["class", "room-id", "a.b"]
    assert [name for name, _, _ in rooms.query] == ["body", "from", "in", "a room"]
    assert "class" in [name for name, _, _ in found.query] and "class_" not in [name for name, _, _ in found.query]


def test_a_name_outside_that_could_not_hold_is_refused() -> None:
    def declare(path: str, **hints: Any) -> None:
        names = ", ".join(hints)
        show = eval(f"lambda {names}: None")
        show.__annotations__.update(hints)
        Context("Any.").post(path)(show)

    a = Annotated[str, Outside("a")]
    for path, hints, said in (
        ("/x", {"a": str, "b": a}, "two parameters of its handler read a"),
        ("/x", {"b": a, "c": a}, "two parameters of its handler read a"),
        ("/{a}", {"a": str, "b": a}, "two parameters of its handler read a"),
        ("/{a-b}", {"a_b": str, "c": Annotated[str, Outside("a-b")]}, "two parameters of its handler read a-b"),
        ("/x", {"a": Annotated[str, Outside("")]}, "the name of `Outside` is a text"),
        ("/x", {"a": Annotated[str, Outside("b"), Outside("c")]}, "it has two names"),
        ("/x", {"a": Annotated[str, Outside("b")] | None}, "a: `Outside` names a field or a parameter, so it stands around its whole type"),
        ("/x", {"a": list[Annotated[U8, Outside("b")]]}, "stands around its whole type"),
        ("/x", {"a": Annotated[str, Stored("b")]}, "`Stored` says nothing here"),
        ("/x", {"a": Annotated[str, Outside]}, "says nothing without what stands in its brackets"),
        ("/x", {"a": Annotated[str, Keyword]}, "says nothing without what stands in its brackets"),
        ("/x", {"body": Annotated[Fewer, Outside("b")]}, "the body has no name outside"),
    ):
        with pytest.raises(TypeError) as refused:
            declare(path, **hints)
        assert said in str(refused.value), refused.value
    # Each reads one of its own.
    declare("/{a_b}/{a-b}", a_b=str, c=Annotated[str, Outside("a-b")])
