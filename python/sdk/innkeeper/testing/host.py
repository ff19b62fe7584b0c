"""What a played host answers while an invocation runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NoReturn

from ..immediate import refuse_later
from ..json_text import decode_json
from ..outbound import Request, Response
from ..problem import Failure
from .limits import Limits, wrong_with_event
from .state import Unit


class Refused(BaseException):
    """Something that the host would have ended the invocation for. A context never sees it."""


@dataclass(frozen=True)
class PublishedEvent:
    """An event that was committed, with its data as JSON says it."""

    id: str
    source: str
    kind: str
    subject: str
    data: Any


@dataclass(frozen=True)
class SetTimer(PublishedEvent):
    """A timer that is set, and when it is due, in milliseconds since the Unix epoch."""

    due: int


@dataclass
class MadeCall:
    """A call of another context, and whether it was undone: an invocation that does not commit takes its calls back."""

    function: str
    parameters: tuple[Any, ...]
    is_done: bool = False
    is_undone: bool = False


@dataclass(frozen=True)
class SignedIn:
    """Who is behind what is asked."""

    issuer: str
    subject: str
    scopes: list[str]
    claims: list[tuple[str, str]]


@dataclass
class Staged:
    """What an invocation has staged besides its writes."""

    timers: list[SetTimer]
    events: list[PublishedEvent] = field(default_factory=list)
    calls: list[MadeCall] = field(default_factory=list)
    kept: list[SetTimer] = field(init=False)
    """Those of the timers that were set before."""

    def __post_init__(self) -> None:
        self.kept = list(self.timers)

    @property
    def timer_count(self) -> int:
        """How many timers were set and cancelled; one that was set and cancelled is neither."""
        before, now = {timer.id for timer in self.kept}, {timer.id for timer in self.timers}
        return len(before ^ now)


@dataclass
class PlayedHost:
    """The host of one invocation: what it answers, and what is staged."""

    name: str
    number: int
    time: int
    published: list[str]
    state: Unit
    staged: Staged
    identity_of: SignedIn | None
    config: list[tuple[str, str]]
    answers: dict[str, Callable[..., Any]]
    outside: Callable[[Request], Response]
    called: list[str]
    lines: list[tuple[str, str]]
    limits: Limits
    refuse: Callable[[str], NoReturn]
    ids: int = 0

    @property
    def outbox(self) -> PlayedHost:
        """Its outbox."""
        return self

    @property
    def invocation(self) -> PlayedHost:
        """Its invocation."""
        return self

    def id(self) -> str:
        """The invocation's id."""
        return f"invocation-{self.number}"

    def correlation_id(self) -> str:
        """What everything has in common."""
        return "test"

    def causation_id(self) -> str:
        """What has caused it."""
        return ""

    def attempt(self) -> int:
        """It is never run again."""
        return 1

    def now(self) -> int:
        """The time."""
        return self.time

    def new_id(self) -> str:
        """A new id."""
        self.ids += 1
        return f"{self.number:016x}{self.ids:016x}"

    def identity(self) -> SignedIn | None:
        """Who is behind it."""
        return self.identity_of

    def settings(self) -> list[tuple[str, str]]:
        """The configuration."""
        return self.config

    def log(self, level: str, message: str) -> None:
        """Keeps a line."""
        self.lines.append((level, message))

    def emit(self, kind: str, subject: str, data: bytes, /) -> str:
        """Stages an event."""
        event = PublishedEvent(self._described(kind, subject), self.name, kind, subject, decode_json(data))
        self.staged.events.append(event)
        if len(self.staged.events) > self.limits.events:
            self.refuse(f"an invocation publishes at most {self.limits.events:,} events (limits.commit.events); let it do less at once")
        return event.id

    def emit_after(self, delay_ms: int, kind: str, subject: str, data: bytes, /) -> str:
        """Stages a timer."""
        id, delay = self._described(kind, subject), self.limits.timer_delay
        if delay_ms > delay // timedelta(milliseconds=1):
            self.refuse(f"a timer was set {delay_ms:,} milliseconds ahead: the most is {delay} (limits.commit.timer_delay)")
        timer = SetTimer(id, self.name, kind, subject, decode_json(data), self.time + delay_ms)
        self.staged.timers.append(timer)
        self._check_timers()
        return timer.id

    def cancel(self, id: str, /) -> bool:
        """Stages that a timer is cancelled."""
        left = [timer for timer in self.staged.timers if timer.id != id]
        is_found = len(left) < len(self.staged.timers)
        self.staged.timers = left
        self._check_timers()
        return is_found

    def _check_timers(self) -> None:
        if self.staged.timer_count > self.limits.timers:
            self.refuse(f"an invocation sets and cancels at most {self.limits.timers:,} timers (limits.commit.timers); let it do less at once")

    def call(self, interface: str, function: str, parameters: tuple[Any, ...]) -> Any:
        """Has the test answer a call."""
        if interface not in self.called:
            self.refuse(f"{interface} was called, which the context does not describe: name it under `calls`")
        call = MadeCall(f"{interface}#{function}", parameters)
        self.staged.calls.append(call)
        run = self.answers.get(call.function)
        if run is None:
            raise Failure("unavailable", f"the test does not answer {call.function}")
        result = refuse_later(f"what the test answers to {call.function}", run(*parameters))
        call.is_done = True
        return result

    def send(self, request: Request) -> Response:
        """Has the test answer what is asked outside."""
        response: Response = refuse_later("what the test answers outside", self.outside(request))
        return response

    def _described(self, kind: str, subject: str) -> str:
        if kind not in self.published:
            self.refuse(f"{kind} was emitted, which the context does not describe: name it under `publishes`")
        wrong = wrong_with_event(kind, subject)
        if wrong is not None:
            self.refuse(wrong)
        return self.new_id()
