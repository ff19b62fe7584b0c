"""A played host: a context runs in a test as it does in its component, with its state, events, timers, calls and configuration in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qsl

from .. import answering
from ..context import Context, Schema
from ..host import Kept, answered_by
from ..immediate import refuse_later
from ..json_text import encode_json, parse_json
from ..names import kebab_case
from ..outbound import Denied, Request, Response as Answered
from ..problem import Failure, Reject, Retry
from ..response import Response
from .host import MadeCall, PlayedHost, PublishedEvent, Refused, SetTimer, SignedIn, Staged
from .limits import Limits, wrong_with_response
from .routing import closest
from .state import State

T = TypeVar("T")

_BEGINNING = 1_767_225_600_000
"""What stands for the time at the beginning of a test: 2026-01-01."""


@dataclass(frozen=True)
class Reply:
    """An answer as a client sees it: a body that is JSON is read."""

    status: int
    headers: dict[str, str]
    """By their names, in lower case; of several with one name it has the first."""
    body: Any
    all_headers: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Sent:
    method: str
    route: str
    path: str
    parameters: list[tuple[str, str]]
    query: list[tuple[str, str]]
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class _Delivered:
    id: str
    kind: str
    source: str
    subject: str
    time: int
    content_type: str
    data: bytes
    extensions: list[tuple[str, str]]


_NOTHING: Any = object()


class TestContext:
    """A context that is tested."""

    __test__ = False

    def __init__(self, context: Context, name: str = "context", *, limits: Limits = Limits()) -> None:
        self._context = context
        self._name = name
        self._limits = limits
        self._state = State()
        self._events: list[PublishedEvent] = []
        self._timers: list[SetTimer] = []
        self._calls: list[MadeCall] = []
        self._answers: dict[str, Callable[..., Any]] = {}
        self._outside: Callable[[Request], Answered] = _denied
        self._config: dict[str, str] = {}
        self._lines: list[tuple[str, str]] = []
        self._now = _BEGINNING
        self._signed_in: SignedIn | None = None
        self._number = 0
        # What cannot be described could not be tested either.
        self.description = context.describe({})

    def request(self, method: str, path: str, body: Any = _NOTHING, headers: Mapping[str, str] | None = None) -> Reply:
        """Sends a request. A text or bytes are sent as they are, anything else as JSON."""
        plain, _, query = path.partition("?")
        found = closest(self._context.routes, method, plain)
        if found is None:
            return Reply(404, {}, None)
        route, parameters = found
        given = [(name.lower(), value) for name, value in (headers or {}).items()]
        pairs = parse_qsl(query, keep_blank_values=True)
        sent = _Sent(method, route.path, plain, parameters, pairs, given, b"" if body is _NOTHING else _encoded(body))

        def answered() -> Response:
            response = answering.web(self._context, sent)
            wrong = wrong_with_response(response, self._limits)
            if wrong is not None:
                raise Refused(wrong)
            return response

        return _reply(self._invoke(answered, lambda response: response.status < 400))

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Sends a GET."""
        return self.request("GET", path, headers=headers)

    def post(self, path: str, body: Any = _NOTHING, headers: Mapping[str, str] | None = None) -> Reply:
        """Sends a POST."""
        return self.request("POST", path, body, headers)

    def put(self, path: str, body: Any = _NOTHING, headers: Mapping[str, str] | None = None) -> Reply:
        """Sends a PUT."""
        return self.request("PUT", path, body, headers)

    def patch(self, path: str, body: Any = _NOTHING, headers: Mapping[str, str] | None = None) -> Reply:
        """Sends a PATCH."""
        return self.request("PATCH", path, body, headers)

    def delete(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        """Sends a DELETE."""
        return self.request("DELETE", path, headers=headers)

    def deliver(self, source: str, kind: str, subject: object, data: Any, *, content_type: str = "application/json") -> None:
        """Delivers an event of a context that is followed. Raises `Retry` or `Reject` where the policy has ended so.

        With another `content_type` than JSON the data is a text or bytes, as they are.
        """
        said = encode_json(data) if content_type == "application/json" else _encoded(data)
        event = _Delivered(f"event-{self._number + 1}", kind, source, str(subject), self._now, content_type, said, [])

        def handle() -> None:
            try:
                answering.on_event(self._context, event)
            except answering.Ended as ended:
                end = Reject if ended.outcome == "reject" else Retry
                raise end(ended.reason) from None

        self._invoke(handle)

    def call(self, interface: str, name: str, *parameters: Any) -> Any:
        """Calls a function that the context offers; raises a `Failure` with the case of its error."""
        run = self._context.offers.get(interface, {}).get(kebab_case(name))
        if run is None:
            raise TypeError(f"{interface} has no function {name} here")
        function = run
        return self._invoke(lambda: answering.offered(name, function, parameters, lambda value: value, lambda failure: failure))

    def run(self, run: Callable[[], T]) -> T:
        """Runs something as an invocation of the context: to look into its tables, or to fill them."""
        return self._invoke(run)

    def answer(self, interface: str, name: str, run: Callable[..., Any]) -> None:
        """Has a function answer the calls of another context's function. It may raise a `Failure`."""
        self._answers[f"{interface}#{kebab_case(name)}"] = run

    def answer_outside(self, run: Callable[[Request], Answered]) -> None:
        """Has a function answer what is asked outside. It may raise an `Error` of `innkeeper.outbound`. Before, all of it is denied."""
        self._outside = run

    def calls(self) -> list[MadeCall]:
        """The calls that were made since this was asked last, and whether each was undone."""
        calls, self._calls = self._calls, []
        return calls

    def events(self) -> list[PublishedEvent]:
        """The events that were committed since this was asked last."""
        events, self._events = self._events, []
        return events

    def timers(self) -> list[SetTimer]:
        """The timers that are set."""
        return list(self._timers)

    def advance(self, time: timedelta) -> None:
        """Lets time pass; timers that come due become events."""
        self._now += time // timedelta(milliseconds=1)
        due = [timer for timer in self._timers if timer.due <= self._now]
        # The order is that in which they came due, and of those at one time that in which they were set.
        due.sort(key=lambda timer: timer.due)
        self._events += due
        self._timers = [timer for timer in self._timers if timer.due > self._now]

    def sign_in(
        self,
        subject: str | None,
        *,
        issuer: str = "https://login.example",
        scopes: Sequence[str] = (),
        claims: Mapping[str, Any] | None = None,
    ) -> None:
        """From now on this is who sends requests, calls, and is behind the events that are delivered; nobody who is known, without a subject."""
        said = [(name, encode_json(value).decode("utf-8")) for name, value in (claims or {}).items()]
        self._signed_in = None if subject is None else SignedIn(issuer, subject, sorted(scopes), said)

    def configure(self, key: str, value: object) -> None:
        """Sets a key of the configuration."""
        self._config[key] = str(value)

    def logs(self) -> list[tuple[str, str]]:
        """The lines that were logged since this was asked last: their levels and texts."""
        lines, self._lines = self._lines, []
        return lines

    def not_ready(self) -> str | None:
        """Why the context cannot take requests; None when it can."""
        return self._asked(lambda: answering.ready(self._context))

    def not_live(self) -> str | None:
        """Why the context does not work; None when it does."""
        return self._asked(lambda: answering.live(self._context))

    def schema(self) -> Schema:
        """Which state it works with."""
        return answering.schema(self._context)

    def migrate(self, number: int, entries: Sequence[Kept]) -> list[list[Kept]]:
        """What becomes of entries of another schema; raises an exception with the reason where they cannot be migrated."""
        return answering.migrate(self._context, number, entries)

    def _asked(self, run: Callable[[], None]) -> str | None:
        try:
            self._invoke(run, lambda _: False)
            return None
        except answering.NotSo as reason:
            return reason.reason

    def _invoke(self, run: Callable[[], T], commits: Callable[[T], bool] = lambda _: True) -> T:
        self._number += 1
        refused: list[Refused] = []

        def refuse(reason: str) -> NoReturn:
            refused.append(Refused(reason))
            raise refused[0]

        staged = Staged(list(self._timers))
        unit = self._state.unit([table.name for table in self._context.tables], self._limits, refuse)
        host = PlayedHost(
            self._name,
            self._number,
            self._now,
            [event.kind for event in self._context.publishes],
            unit,
            staged,
            self._signed_in,
            list(self._config.items()),
            self._answers,
            self._outside,
            self._context.called,
            self._lines,
            self._limits,
            refuse,
        )
        is_committed = False
        try:
            with answered_by(host):
                result: T = refuse_later("what runs as an invocation", run())
            is_committed = not refused and commits(result)
        except BaseException:
            if not refused:
                raise
        finally:
            if is_committed:
                unit.commit()
                self._events += staged.events
                self._timers = staged.timers
            for call in staged.calls:
                call.is_undone = call.is_done and not is_committed
            self._calls += staged.calls
        if refused:
            raise refused[0]
        return result


def _denied(_: Request) -> Answered:
    raise Denied("nobody plays the outside; call `answer_outside` first")


def _encoded(body: Any) -> bytes:
    """The bytes of what is sent: a text or bytes as they are, anything else as JSON."""
    if isinstance(body, bytes):
        return body
    return body.encode("utf-8") if isinstance(body, str) else encode_json(body)


def _reply(response: Response) -> Reply:
    headers = dict(reversed(response.headers))
    if headers.get("content-type", "").split(";")[0].endswith("json"):
        return Reply(response.status, headers, parse_json(response.body.decode("utf-8")), response.headers)
    try:
        body: Any = response.body.decode("utf-8") if response.body else None
    except UnicodeDecodeError:
        body = response.body
    return Reply(response.status, headers, body, response.headers)


__all__ = ["Failure", "Limits", "MadeCall", "PublishedEvent", "Refused", "Reply", "SetTimer", "TestContext"]
