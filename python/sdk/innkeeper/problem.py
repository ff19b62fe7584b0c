"""Error answers, and the other ends of an invocation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from .response import Headers, Response, checked_status, header_list
from .json_text import encode_json


class Problem(Exception):
    """A problem detail of RFC 9457: raised, it ends a request, and nothing that was staged is committed."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Headers | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = checked_status("a problem", 400, status)
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})

    @classmethod
    def not_found(cls, detail: str) -> Problem:
        """404: what the path names does not exist."""
        return cls(404, detail)

    @classmethod
    def conflict(cls, detail: str) -> Problem:
        """409: it cannot be done in the present state."""
        return cls(409, detail)

    @classmethod
    def invalid(cls, pointer: str, detail: str) -> Problem:
        """422: the body is well-formed, but the part at `pointer` (RFC 6901) cannot be accepted."""
        said = detail if pointer == "" else f"{pointer.removeprefix('/')}: {detail}"
        return cls(422, said, errors=[{"pointer": pointer, "detail": detail}])

    @classmethod
    def unavailable(cls, detail: str, retry_after: int) -> Problem:
        """503: try again after so many seconds."""
        return cls(503, detail, headers={"retry-after": retry_after})

    def to_response(self) -> Response:
        """The answer to a request."""
        # It may have been set since.
        status = checked_status("a problem", 400, self.status)
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": _title(status),
            "status": status,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = self.errors
        headers = [*header_list(self.headers), ("content-type", "application/problem+json")]
        return Response(status, headers, encode_json(body))


_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""What RFC 9110 calls otherwise than some versions of Python."""


def _title(status: int) -> str:
    if status in _TITLES:
        return _TITLES[status]
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Client Error" if status < 500 else "Server Error"


class Taken(Problem):
    """Another row has the value that only one may have: a 409 where nobody catches it, and in a policy a dead letter."""

    def __init__(self, index: str) -> None:
        super().__init__(409, "There is another one of this kind already, and there can be only one.")
        self.index = index

    @property
    def reason(self) -> str:
        """Which index it is, for who looks after the context."""
        return f"another row has the same value in {self.index}"


class Fault(Exception):
    """Something that should not happen: stored data that this version cannot read, or data that cannot be written."""


class Retry(Exception):
    """Raised by a policy: the event is tried again later. Any other exception but `Reject` means the same."""


class Reject(Exception):
    """Raised by a policy: the event becomes a dead letter with this reason."""


class Failure(Exception):
    """An error that an interface names: raised by a function that is offered, and by one that is called.

    `kind` is the case as WIT has it, for example `not-found`, and `value` what it carries.
    """

    def __init__(self, kind: str, value: Any = None) -> None:
        super().__init__(f"{kind}: {value}" if isinstance(value, str) else kind)
        self.kind = kind
        self.value = value
