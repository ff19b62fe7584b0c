"""Requests to the outside: to whom `allow_outbound` in the context's settings names. A context that imports this module asks outside.

    from innkeeper import outbound

    rate = outbound.get("https://rates.example/usd").json(Rate)

What is asked is no part of the commit: it stays when the invocation fails, and when it is run again after a crash it is asked again. Whatever may change something
carries an `Idempotency-Key` that is the same then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar, overload

from .host import host
from .json_text import NotJson, decode_json, encode_json
from .text import is_well_formed
from .values import Form, Mismatch, mismatch_text, type_of

T = TypeVar("T")

Headers = Mapping[str, str | list[str] | tuple[str, ...]]
"""Headers by their names. Of several values each is a header of that name."""

_NOTHING: Any = object()
_MILLISECOND = timedelta(milliseconds=1)


class Error(Exception):
    """Why there is no answer, or none that can be used."""


class Denied(Error):
    """It was not sent: the context may not ask there."""


class Invalid(Error):
    """It was not sent: it is none."""


class Overloaded(Error):
    """It was not sent: the host has no room for it now."""


class Unreachable(Error):
    """There is no connection, or none in time."""


class TimedOut(Error):
    """There was no answer in time: whether it has had an effect is not known."""


class TooLarge(Error):
    """The body of the request or of the answer is too long."""


class Broken(Error):
    """What came back is no answer, or not the JSON that is wanted."""


@dataclass(frozen=True)
class Request:
    """A request that is to be sent."""

    method: str
    url: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    timeout: timedelta | None = None
    """How long the answer may take to begin."""


@dataclass(frozen=True)
class Response:
    """An answer, whatever its status. The names of its headers are in lower case."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next((value for found, value in self.headers if found == name.lower()), None)

    @overload
    def json(self) -> Any: ...
    @overload
    def json(self, of: type[T]) -> T: ...
    def json(self, of: Any = None) -> Any:
        """The body as JSON, or as the value of a type, for example a dataclass: what nobody reads may be in it. Raises `Broken` where it is not that."""
        try:
            said = decode_json(self.body)
            return said if of is None else type_of(of).read(said, Form.EVENT)
        except NotJson as error:
            raise Broken(f"the answer is not JSON: {error}") from None
        except Mismatch as mismatch:
            raise Broken(f"the answer is not what is wanted: {mismatch_text(mismatch)}") from None


def get(url: str, *, headers: Headers | None = None, timeout: timedelta | None = None) -> Response:
    """Sends a GET; see `request`."""
    return request("GET", url, headers=headers, timeout=timeout)


def post(
    url: str,
    *,
    json: Any = _NOTHING,
    body: bytes | str = b"",
    headers: Headers | None = None,
    timeout: timedelta | None = None,
) -> Response:
    """Sends a POST; see `request`."""
    return request("POST", url, json=json, body=body, headers=headers, timeout=timeout)


def request(
    method: str,
    url: str,
    *,
    json: Any = _NOTHING,
    body: bytes | str = b"",
    headers: Headers | None = None,
    timeout: timedelta | None = None,
) -> Response:
    """Sends a request, with a value as JSON or with a body as it is, and waits for the whole answer, which may take until `timeout` to begin. A redirect is an answer
    like any other. Raises an `Error` where there is no answer."""
    given = [(name, value) for name, said in (headers or {}).items() for value in (said if isinstance(said, (list, tuple)) else [said])]
    if json is not _NOTHING:
        if body:
            raise Invalid("a request has JSON or another body, not both")
        body = encode_json(json)
        if not any(isinstance(name, str) and name.lower() == "content-type" for name, _ in given):
            given.append(("content-type", "application/json"))
    return send(Request(method, url, given, _bytes_of(body), timeout))


def send(request: Request) -> Response:
    """Sends a request, and waits for the whole answer. Raises an `Error` where there is none."""
    _check("the method", request.method)
    _check("the URL", request.url)
    for name, value in request.headers:
        _check("the name of a header", name)
        _check(f"the header {name}", value)
    if not isinstance(request.body, bytes):
        raise Invalid(f"the body is a text or bytes, not {type(request.body).__name__}")
    milliseconds_of(request)
    return host().send(request)


def milliseconds_of(request: Request) -> int | None:
    """How many milliseconds the answer may take to begin; raises `Invalid` where that is no time."""
    if request.timeout is None:
        return None
    if not isinstance(request.timeout, timedelta) or request.timeout < timedelta():
        raise Invalid("the timeout is a timedelta from 0 on")
    return request.timeout // _MILLISECOND


def _bytes_of(body: bytes | str) -> bytes:
    if isinstance(body, str):
        _check("the body", body)
        return body.encode("utf-8")
    return body


def _check(what: str, value: object) -> None:
    """Whether the host can be given a text: anything else would be a trap. What it is instead may be a secret, and is not said."""
    if not isinstance(value, str):
        raise Invalid(f"{what} is a text, not {type(value).__name__}")
    if not is_well_formed(value):
        raise Invalid(f"{what} has half a surrogate pair, which is no character")
