"""Routes: what a request must have is read before the handler runs, and answered 400 or 422 where it does not."""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .immediate import refuse_async
from .json_text import NotJson, parse_json
from .names import snake_case
from .paging import NAMES, Paging
from .problem import Problem
from .text import checked_text
from .values import Form, Mismatch, Type
from .values.compound import List, Optional, Struct
from .values.hints import Marked, marked


class RequestReceived(Protocol):
    """A request as the contract has it."""

    @property
    def method(self) -> str: ...
    @property
    def route(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def parameters(self) -> list[tuple[str, str]]: ...
    @property
    def query(self) -> list[tuple[str, str]]: ...
    @property
    def headers(self) -> list[tuple[str, str]]: ...
    @property
    def body(self) -> bytes: ...


@dataclass(frozen=True)
class Request:
    """A request as it came. The names of `headers` are in lower case; of several with one name it has the first."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


Read = Callable[[RequestReceived], Any]


@dataclass(frozen=True)
class Queried:
    """What is read of the query: its type, and its default, or `inspect.Parameter.empty`."""

    of: Type
    default: Any


@dataclass
class Reads:
    """What a handler's parameters ask for."""

    in_path: dict[str, Type] = field(default_factory=dict)
    """By the names in the path."""
    in_query: dict[str, Queried] = field(default_factory=dict)
    """By the names in the query."""
    is_paged: bool = False
    """Whether it takes a `Paging`."""
    body: Type | None = None
    is_whole: bool = False
    """Whether it takes the `Request`, and with it whatever the body may be."""


@dataclass(frozen=True)
class Route:
    """A route of a context: a method, a path, what is read of a request, and who answers."""

    method: str
    path: str
    consumes: str | None
    handler: Callable[..., Any]
    readers: dict[str, Read]
    reads: Reads
    returned: Any
    """The hint of what the handler returns; `Any` where it has none."""

    def answer(self, request: RequestReceived) -> Any:
        """Answers a request."""
        return self.handler(**{name: read(request) for name, read in self.readers.items()})


def route(method: str, path: str, handler: Callable[..., Any]) -> Route:
    """The route that a handler's parameters ask for: those of the path by their names, `body`, a `Paging`, a `Request`; any other is of the query. `Outside` gives one of the path or
    the query another name than it has in the code."""
    what = f"{method} {checked_text('the path of a route', path)}"
    refuse_async(what, handler)
    placeholders = re.findall(r"\{\*?([^}]*)\}", path)
    hints = typing.get_type_hints(handler, include_extras=True)
    readers: dict[str, Read] = {}
    reads = Reads()
    in_query = reads.in_query
    consumes = None
    # Whoever reads a name of the query, by the names in the query.
    queried_by: dict[str, str] = {}
    for name, parameter in inspect.signature(handler).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{what}: each parameter of its handler has a name of its own")
        if name not in hints:
            raise TypeError(f"{what}: the parameter {name} has no type")
        hint = hints[name]
        if hint is Paging:
            readers[name] = lambda request: Paging.of(request.path, request.query)
            reads.is_paged = True
            continue
        if hint is Request:
            readers[name] = _request
            reads.is_whole = True
            continue
        said = _said_of(f"{what}: {name}", hint)
        placeholder = _placeholder_of(name, said.outside, placeholders)
        if name == "body" and placeholder is None:
            if said.outside is not None:
                raise TypeError(f"{what}: the body has no name outside: call a parameter of the query otherwise than `body` in the code")
            reads.body = said.of
            readers[name] = _in_body(what, reads.body)
            consumes = "application/json"
            continue
        of, outside = _sendable(f"{what}: {name}", said.of), placeholder or said.outside or name
        if placeholder in reads.in_path or outside in queried_by:
            raise TypeError(f"{what}: two parameters of its handler read {outside}")
        if placeholder is not None:
            reads.in_path[placeholder] = of
            readers[name] = _in_path(placeholder, of)
        else:
            in_query[outside] = Queried(of, parameter.default)
            queried_by[outside] = name
    for outside, queried in in_query.items():
        readers[queried_by[outside]] = _in_query(outside, queried)
    # What nobody reads is looked for before anything else is read of the query.
    if in_query:
        first = next(iter(queried_by.values()))
        readers[first] = _after(lambda request: _refuse_unknown(request.query, set(in_query)), readers[first])
    return Route(method, path, consumes, handler, readers, reads, hints.get("return", Any))


def _said_of(what: str, hint: Any) -> Marked:
    try:
        said = marked(hint)
    except TypeError as error:
        raise TypeError(f"{what}: {error}") from None
    if said.stored is not None:
        raise TypeError(f"{what}: nothing of a request is in the state, so `Stored` says nothing here; `Outside` is its name in the path or the query")
    return said


def _placeholder_of(name: str, outside: str | None, placeholders: Sequence[str]) -> str | None:
    """The placeholder of the path that a parameter reads: the one that it names, else the one that is called as it is, or so in the code."""
    if outside is not None:
        return outside if outside in placeholders else None
    if name in placeholders:
        return name
    return next((one for one in placeholders if snake_case(one) == name), None)


def _sendable(what: str, of: Type) -> Type:
    """The type of what is in the path or the query; raises TypeError where nobody could send it."""
    one = of.inner if isinstance(of, Optional) else of
    if not (one.item if isinstance(one, List) else one).has_text:
        raise TypeError(f"{what} cannot be in a path or a query: only a text, a number, bool, bytes, an Enum, or a list of one of these has a text there")
    return of


def _after(check: Callable[[RequestReceived], None], read: Read) -> Read:
    def checked(request: RequestReceived) -> Any:
        check(request)
        return read(request)

    return checked


def _request(request: RequestReceived) -> Request:
    headers = dict(reversed(request.headers))
    return Request(request.method, request.path, list(request.query), headers, request.body)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _in_path(name: str, of: Type) -> Read:
    def read(request: RequestReceived) -> Any:
        value = next(value for found, value in request.parameters if found == name)
        try:
            return of.read_text(value)
        except Mismatch:
            raise Problem(400, f"Invalid {name} in the path: {_quoted(value)} is not {of.what()}.") from None

    return read


def _refuse_unknown(query: Sequence[tuple[str, str]], known: set[str]) -> None:
    for name, _ in query:
        if name not in known and name not in NAMES:
            raise Problem(400, f"Invalid query: nobody reads {_quoted(name)} here.")


def _in_query(name: str, queried: Queried) -> Read:
    of = queried.of

    def read(request: RequestReceived) -> Any:
        values = [value for found, value in request.query if found == name]
        if len(values) > 1:
            raise Problem(400, f"Invalid query: {name} is there twice.")
        if values:
            try:
                return of.read_text(values[0])
            except Mismatch:
                raise Problem(400, f"Invalid query: {name} is {_quoted(values[0])}, which is not {of.what()}.") from None
        if queried.default is not inspect.Parameter.empty:
            return queried.default
        if isinstance(of, Optional):
            return None
        raise Problem(400, f"Invalid query: {name} is missing.")

    return read


def _in_body(what: str, of: Type) -> Read:
    """A body that is a JSON object. One that is not JSON is answered 400; one that is, but of another shape, 422 with the place where it differs."""
    if not isinstance(of, Struct):
        raise TypeError(f"{what}: a body is a JSON object, so its type is a dataclass")

    def read(request: RequestReceived) -> Any:
        if request.body == b"":
            raise Problem(400, "The body is empty; it must be a JSON object.")
        try:
            said = parse_json(request.body.decode("utf-8"))
        except UnicodeDecodeError:
            raise Problem(400, "The body is not valid JSON: it is not UTF-8.") from None
        except NotJson as error:
            raise Problem(400, f"The body is not valid JSON: {error}.") from None
        if not isinstance(said, dict):
            raise Problem.invalid("", "The body must be a JSON object.")
        try:
            return of.read(said, Form.BODY)
        except Mismatch as mismatch:
            raise Problem.invalid(mismatch.pointer, mismatch.detail) from None

    return read
