"""What the routes of a context take and answer is told from their handlers' hints."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, NewType, NoReturn

import pytest
from innkeeper import U8, U32, U64, Answer, Context, Created, Keyword, Outside, Page, Paging, Problem, Request, UpTo, created, in_camel_case
from innkeeper.document import Documentation, DocumentedRoute
from innkeeper.testing import TestContext
from innkeeper.values import type_of


class Colour(Enum):
    """What it is
    painted in."""

    RED = "red"
    BLUE = "blue"


@in_camel_case
@dataclass(frozen=True)
class Note:
    """A note.

    It is kept for ever.
    """

    note_id: U64
    text: Annotated[str, Outside("says")]
    colour: Colour = Colour.RED


@dataclass(frozen=True)
class NewNote:
    text: Annotated[str, UpTo(500)]
    colour: Colour | None = None


@dataclass(frozen=True)
class Tagged:
    tags: dict[tuple[U8, U8], str]


@dataclass(frozen=True)
class Gone:
    pass


NoteId = NewType("NoteId", U64)


def told(path: str, handler: Callable[..., Any], method: str = "POST") -> tuple[Documentation, DocumentedRoute]:
    context = Context("Notes.")
    getattr(context, method.lower())(path)(handler)
    documentation = context.document()
    (route,) = documentation.routes
    assert (route.method, route.path) == (method, path)
    return documentation, route


def said(documentation: Documentation, place: int) -> dict[str, Any]:
    return {case: carried for value, (case, carried) in documentation.annotations if value == place}


def shape(documentation: Documentation, place: int) -> Any:
    """A type with what it is made of, in the place of places."""
    case, carried = documentation.types[place]
    if case == "scalar":
        return carried
    if case in ("optional", "list"):
        return (case, shape(documentation, carried))
    if case == "record":
        return {name: (shape(documentation, value), has_default) for name, value, has_default in carried}
    if case == "variant":
        return [name if value is None else (name, shape(documentation, value)) for name, value in carried]
    return (case, [shape(documentation, part) for part in carried])


NOTE = {"noteId": ("u64", False), "says": ("string", False), "colour": (["red", "blue"], True)}


def test_a_body_is_told_with_its_bounds_and_takes_no_other_fields() -> None:
    def leave(body: NewNote) -> Created[Note]:
        """Leaves a note
        at the desk.

        Nobody is told.
        """
        return created("/notes/1", Note(1, body.text))

    documentation, route = told("/notes", leave)
    assert route.summary == "Leaves a note at the desk."
    case, place = route.body
    assert case == "json" and place is not None
    assert shape(documentation, place) == {"text": ("string", False), "colour": (("optional", ["red", "blue"]), True)}
    # Nothing was written below it.
    assert said(documentation, place) == {"name": "NewNote", "closed": None}
    text = documentation.types[place][1][0][1]
    assert said(documentation, text) == {"length": (1, 500), "pattern": r"\S"}
    ((status, media_type, answered),) = route.answers
    assert (status, media_type) == (201, "application/json") and answered is not None
    assert shape(documentation, answered) == NOTE
    assert said(documentation, answered) == {"name": "Note", "description": "A note."}
    colour = documentation.types[answered][1][2][1]
    assert said(documentation, colour) == {"name": "Colour", "description": "What it is painted in."}


def test_keywords_of_a_hint_are_told_of_its_type_alone() -> None:
    Email = Annotated[str, UpTo(320), Keyword("format", "email")]

    @dataclass(frozen=True)
    class Guest:
        email: Email
        other: Annotated[Email, Keyword("format", "idn-email"), Keyword("examples", ["a@b.example"])] | None
        name: str

    def put(body: Guest) -> list[Annotated[U64, Keyword("x-unit", {"of": None})]]:
        return [len(body.name)]

    documentation, route = told("/guest", put, "PUT")
    _, place = route.body
    assert place is not None
    fields = [value for _, value, _ in documentation.types[place][1]]
    limits = {"length": (1, 320), "pattern": r"\S"}
    assert said(documentation, fields[0]) == {**limits, "keyword": ("format", '"email"')}
    inner = documentation.types[fields[1]][1]
    keywords = [carried for value, (case, carried) in documentation.annotations if value == inner and case == "keyword"]
    assert keywords == [("format", '"idn-email"'), ("examples", '["a@b.example"]')]
    assert said(documentation, fields[2]) == {}
    ((_, _, answered),) = route.answers
    assert answered is not None
    assert said(documentation, documentation.types[answered][1]) == {"keyword": ("x-unit", '{"of": null}')}


def test_a_keyword_that_cannot_be_told_is_refused() -> None:
    with pytest.raises(TypeError, match="letters, digits and hyphens"):
        Keyword("$ref", "#")
    with pytest.raises(TypeError, match="`Keyword` is not said of Colour"):
        type_of(Annotated[Colour, Keyword("deprecated", True)])


def test_what_is_told_is_what_is_answered() -> None:
    context = Context("Notes.")

    @context.post("/notes")
    def leave(body: NewNote) -> Created[Note]:
        return created("/notes/7", Note(7, body.text))

    reply = TestContext(context, "notes").post("/notes", {"text": "Hello"})
    assert (reply.status, reply.headers["location"]) == (201, "/notes/7")
    assert reply.body.keys() == NOTE.keys()


def test_what_stands_in_the_path_and_the_query_has_types() -> None:
    def find(note_id: NoteId, rest: str, colour: Colour, size: U8, limit: U32 = 10, by: str | None = None) -> None: ...

    documentation, route = told("/notes/{note-id}/{*rest}", find, "DELETE")
    fields = [[(name, shape(documentation, value), has_default) for name, value, has_default in one] for one in (route.parameters, route.query)]
    assert fields == [
        [("note-id", "u64", False), ("rest", "string", False)],
        [("colour", ["red", "blue"], False), ("size", "u8", False), ("limit", "u32", True), ("by", ("optional", "string"), True)],
    ]
    assert (route.summary, route.body) == (None, ("nothing", None))


def test_a_paging_is_three_names_of_the_query_and_what_a_handler_reads_itself_is_told_as_that() -> None:
    def pages(paging: Paging, after: str, author: str = "") -> Page[Note]: ...

    documentation, route = told("/notes", pages, "GET")
    query = {name: (value, has_default) for name, value, has_default in route.query}
    assert len(route.query) == len(query) == 4
    assert {name: (documentation.types[value][1], has_default) for name, (value, has_default) in query.items()} == {
        "page": ("u32", True),
        "after": ("string", False),
        "size": ("u32", True),
        "author": ("string", True),
    }
    assert said(documentation, query["size"][0]) == {"value": (1, 100)} and said(documentation, query["page"][0]) == {}
    ((status, _, place),) = route.answers
    assert status == 200 and place is not None
    paged = [("page", "u32", True), ("after", "u64", True), ("size", "u32", False), ("total", "u64", False)]
    expected = {"items": (("list", NOTE), False), **{name: (of, has_default) for name, of, has_default in paged}}
    assert shape(documentation, place) == expected
    assert said(documentation, place)["name"] == "NotePage"


JSON = "application/json"


@pytest.mark.parametrize(
    ("returned", "answers"),
    [
        (None, [(204, None, None)]),
        (Note, [(200, JSON, NOTE)]),
        (Note | None, [(200, JSON, NOTE), (204, None, None)]),
        (U64, [(200, JSON, "u64")]),
        (Annotated[U64, "a mark"], [(200, JSON, "u64")]),
        (Annotated[U64 | None, "a mark"], [(200, JSON, "u64"), (204, None, None)]),
        (NoteId, [(200, JSON, "u64")]),
        (list[Note], [(200, JSON, ("list", NOTE))]),
        (dict[Colour, U8], [(200, JSON, ("map", [["red", "blue"], "u8"]))]),
        (Created[Note] | Note, [(201, JSON, NOTE), (200, JSON, NOTE)]),
        (Created[Any], [(201, JSON, None)]),
        (Created, [(201, JSON, None)]),
        (Page[dict[str, Any]], [(200, JSON, None)]),
        (Page, [(200, JSON, None)]),
        (NoReturn, []),
        # They are no types of the SDK, and JSON all the same.
        (int, [(200, JSON, None)]),
        (dict[str, Any], [(200, JSON, None)]),
        # Each is answered as it is, and not as a case.
        (Note | Gone, [(200, JSON, None)]),
        (list[Note | Gone], [(200, JSON, None)]),
        # Their keys are no names of members.
        (Tagged, [(200, JSON, None)]),
        (dict[tuple[U8, U8], str], [(200, JSON, None)]),
        # Whatever it may be.
        (Answer, []),
        (Answer | Note, []),
        (Any, []),
        (object, []),
    ],
)
def test_an_answer_is_told_as_far_as_it_is_known(returned: Any, answers: list[Any]) -> None:
    def show() -> Any: ...

    show.__annotations__["return"] = returned
    documentation, route = told("/notes", show, "GET")
    found = [(status, media_type, None if value is None else shape(documentation, value)) for status, media_type, value in route.answers]
    assert found == answers


def test_where_nothing_is_said_nothing_is_told() -> None:
    def show(request: Request):  # type: ignore[no-untyped-def]
        raise Problem.not_found("There is none.")

    documentation, route = told("/notes/{id}", show)
    assert (documentation.types, documentation.annotations) == ([], [])
    assert (route.summary, route.parameters, route.query, route.body, route.answers) == (None, [], [], ("something", None), [])
    assert Context("Nothing.").document() == Documentation()


def test_what_has_no_description_leaves_nothing_of_it_behind() -> None:
    def tag(body: Tagged) -> Note: ...

    documentation, route = told("/tags", tag)
    assert route.body == ("something", None)
    ((_, _, place),) = route.answers
    assert place is not None and shape(documentation, place) == NOTE
    assert all(case for case, _ in documentation.types)
    assert "Tagged" not in [carried for _, (_, carried) in documentation.annotations]


def test_what_is_longer_than_the_contract_allows_is_cut_off_or_left_out() -> None:
    long = dataclass(frozen=True)(type("N" * 129, (), {"__doc__": "é" * 5000, "__annotations__": {"id": U64}}))

    def show() -> Any: ...

    show.__annotations__["return"] = long
    documentation, route = told("/notes", show, "GET")
    ((_, _, place),) = route.answers
    assert place is not None
    assert said(documentation, place) == {"description": "é" * 1000}
