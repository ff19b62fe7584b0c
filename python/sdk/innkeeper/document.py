"""What the routes of a context take and answer, as the hints of their handlers say it, for the documents of the app. Where they say nothing, nothing is said."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from .answer import Answer, Created
from .paging import MAX_SIZE, Page
from .route import Route
from .text import first_paragraph
from .values import Form, Type, Types, type_of
from .values.compound import Dictionary, List, Optional, Tuple, Variant, called
from .values.hints import resolved
from .values.kind import Annotation, Described, Place
from .values.marks import U32, U64
from .values.scalars import Integer

_JSON = "application/json"

DocumentedField = tuple[str, int, bool]
"""A name, the place of its type, and whether it has a default."""
DocumentedAnswer = tuple[int, str | None, int | None]
"""A status, the media type of the body, if there is one, and the place of its type, where that is known."""


@dataclass
class DocumentedRoute:
    """What one route takes and answers."""

    method: str
    path: str
    summary: str | None
    parameters: list[DocumentedField]
    query: list[DocumentedField]
    body: tuple[str, int | None]
    """What `body` of the contract calls its case, and the place of its type."""
    answers: list[DocumentedAnswer]


@dataclass
class Documentation:
    """What is known of a context's routes."""

    types: list[Described] = field(default_factory=list)
    annotations: list[tuple[int, Annotation]] = field(default_factory=list)
    routes: list[DocumentedRoute] = field(default_factory=list)


class _PageOf(Type):
    """A page of a collection, as it is answered."""

    def __init__(self, item: Type) -> None:
        self.item = item

    def describe(self, place: Place, form: Form) -> Described:
        items, number, id = place(List(self.item)), place(type_of(U32)), place(type_of(U64))
        # It says in one of two ways where it begins.
        ways = [("page", number, True), ("after", id, True)]
        return ("record", [("items", items, False), *ways, ("size", number, False), ("total", id, False)])

    def annotations(self, form: Form) -> list[Annotation]:
        name = next((said for case, said in self.item.annotations(form) if case == "name"), "")
        return [*called(f"{name}Page"), ("description", "A part of a collection, oldest first.")]


class _Size(Integer):
    """How many items a page has."""

    def annotations(self, form: Form) -> list[Annotation]:
        return [("value", (1, MAX_SIZE))]


def documentation_of(routes: Sequence[Route]) -> Documentation:
    """What is known of routes."""
    documents = _Documents()
    told = [documents.route(one) for one in routes]
    return Documentation(documents.types.list, documents.types.annotations(), told)


class _Documents:
    """A documentation, on its way."""

    def __init__(self) -> None:
        self.types = Types()
        self._size = _Size("u32")
        # One for each type of items.
        self._pages: dict[int, _PageOf] = {}

    def route(self, route: Route) -> DocumentedRoute:
        """What one route takes and answers."""
        reads, handler = route.reads, route.handler
        body: tuple[str, int | None] = ("something" if reads.is_whole else "nothing", None)
        if reads.body is not None:
            place = self.types.place_if_told(reads.body, Form.BODY)
            body = ("something", None) if place is None else ("json", place)
        query = {name: (queried.of, queried.default is not inspect.Parameter.empty) for name, queried in reads.in_query.items()}
        if reads.is_paged:
            # A handler may read one of these itself, too.
            paging: list[tuple[str, Type]] = [("page", type_of(U32)), ("after", type_of(U64)), ("size", self._size)]
            query = {**{name: (of, True) for name, of in paging}, **query}
        return DocumentedRoute(
            route.method,
            route.path,
            first_paragraph(handler.__doc__) if inspect.isroutine(handler) else None,
            self._fields({name: (of, False) for name, of in reads.in_path.items()}),
            self._fields(query),
            body,
            self._answers(route.returned),
        )

    def _fields(self, known: dict[str, tuple[Type, bool]]) -> list[DocumentedField]:
        places = {name: self.types.place_if_told(of, Form.BODY) for name, (of, _) in known.items()}
        return [(name, place, known[name][1]) for name, place in places.items() if place is not None]

    def _answers(self, returned: Any) -> list[DocumentedAnswer]:
        """What is answered by what a handler returns: each status once, and none at all where one of them is not known."""
        answers: dict[int, DocumentedAnswer] = {}
        for hint in _alternatives(returned):
            if hint in (typing.NoReturn, typing.Never):
                continue
            answer = self._answer(hint)
            if answer is None:
                return []
            status, media_type, _ = answer
            answers[status] = (status, media_type, None) if status in answers else answer
        return list(answers.values())

    def _answer(self, hint: Any) -> DocumentedAnswer | None:
        if hint is type(None):
            return (204, None, None)
        plain = hint
        while typing.get_origin(plain) is Annotated:
            plain = resolved(typing.get_args(plain)[0])
        kind, arguments = typing.get_origin(plain) or plain, typing.get_args(plain)
        if kind is Created:
            return (201, _JSON, self._value(arguments[0]) if arguments else None)
        if kind is Page:
            return (200, _JSON, self._page(arguments[0]) if arguments else None)
        # An `Answer` has any status, and what is one may be of any of the classes that it has.
        if kind is Any or not isinstance(kind, type) or kind in Answer.__mro__ or issubclass(kind, Answer):
            return None
        return (200, _JSON, self._value(hint))

    def _value(self, hint: Any) -> int | None:
        """The place of what JSON is made of a value; None where that is not known."""
        of = _written_as(hint)
        return None if of is None else self.types.place_if_told(of, Form.EVENT)

    def _page(self, hint: Any) -> int | None:
        of = _written_as(hint)
        if of is None:
            return None
        page = self._pages.setdefault(id(of), _PageOf(of))
        return self.types.place_if_told(page, Form.EVENT)


def _alternatives(hint: Any) -> list[Any]:
    """What a hint allows, one by one."""
    hint = resolved(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [one for part in typing.get_args(hint) for one in _alternatives(part)]
    if typing.get_origin(hint) is Annotated:
        inner = _alternatives(typing.get_args(hint)[0])
        return inner if len(inner) > 1 else [hint]
    return [type(None) if hint is None else hint]


def _written_as(hint: Any) -> Type | None:
    """The type of a hint, if answers are written as that says."""
    try:
        of = type_of(hint)
    except TypeError:
        return None
    return of if _is_written(of) else None


def _is_written(of: Type) -> bool:
    """Whether an answer has its values as the type writes them. Outside of a record nobody knows of which union a dataclass is a case."""
    match of:
        case Variant():
            return False
        case Optional():
            return not of.inner.takes_null and _is_written(of.inner)
        case List():
            return _is_written(of.item)
        case Tuple():
            return all(_is_written(part) for part in of.parts)
        case Dictionary():
            return _is_written(of.key) and _is_written(of.value)
    return True
