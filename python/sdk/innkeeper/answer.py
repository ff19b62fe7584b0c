"""Answers to requests."""

from typing import Any, Generic, TypeVar

from .immediate import refuse_later
from .json_text import encode_json
from .paging import Page
from .response import Headers, Response, checked_status, header_list

_NOTHING: Any = object()

V = TypeVar("V")


class Answer:
    """An answer with a status, a body and headers."""

    def __init__(self, status: int, body: Any = _NOTHING, headers: Headers | None = None) -> None:
        self.status = checked_status("an answer", 200, status)
        self.body = body
        self.headers = dict(headers or {})

    def to_response(self) -> Response:
        """For the host."""
        # It may have been set since.
        status = checked_status("an answer", 200, self.status)
        headers, body = header_list(self.headers), self.body
        if body is _NOTHING:
            return Response(status, headers, b"")
        refuse_later("the body of the answer", body)
        if any(name == "content-type" for name, _ in headers):
            if isinstance(body, bytes):
                return Response(status, headers, body)
            if isinstance(body, str):
                return Response(status, headers, body.encode("utf-8"))
        else:
            headers.append(("content-type", "application/json"))
        if isinstance(body, Page) and body.links is not None:
            headers.append(("link", body.links))
        return Response(status, headers, encode_json(body))


class Created(Answer, Generic[V]):
    """201 with a JSON body, and where the new thing is. As what a handler returns, `Created[Note]` says for the documents of the app what the body is."""

    def __init__(self, location: str, body: V) -> None:
        super().__init__(201, body, {"location": location})


def answer(status: int, body: Any = _NOTHING, headers: Headers | None = None) -> Answer:
    """Any status, with a body that becomes JSON; a text or bytes with a `content-type` of their own stay what they are. Of a header with several values each is one of its own:
    `{"set-cookie": ["a=1", "b=2"]}`."""
    return Answer(status, body, headers)


def ok(body: Any, headers: Headers | None = None) -> Answer:
    """200 with a JSON body."""
    return Answer(200, body, headers)


def created(location: str, body: V) -> Created[V]:
    """201 with a JSON body, and where the new thing is."""
    return Created(location, body)


def no_content() -> Answer:
    """204: done, and nothing to say."""
    return Answer(204)


def answer_of(returned: Any) -> Answer:
    """The answer that a handler means by what it returns: a value is a JSON body, None is 204."""
    refuse_later("what the handler returned", returned)
    if isinstance(returned, Answer):
        return returned
    return no_content() if returned is None else ok(returned)
