"""What the host takes of a context: the bounds that hold where the app's manifest names no others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from ..response import Response

_LONGEST_KIND = 255
_LONGEST_SUBJECT = 1024
_LONGEST_KEY = 1024
_LONGEST_SEQUENCE = 128
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""The name of a header."""
_VISIBLE = re.compile(r"[\t\x20-\x7e]*")
"""What the value of a header is made of."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_IGNORED = {
    *("content-length", "connection", "transfer-encoding", "upgrade", "te", "trailer", "keep-alive", "proxy-connection"),
    *("traceparent", "x-correlation-id", "innkeeper-version", "x-innkeeper-fault", "x-innkeeper-overloaded"),
}
"""Headers that are the host's: whatever a context says in them is left out."""


@dataclass(frozen=True)
class Limits:
    """What one invocation may do, as `[context.<name>.limits]` has it: `TestContext(context, limits=Limits(events=5_000))` where the manifest says so."""

    keys: int = 5_000
    """How many keys it may change (`limits.commit.keys`)."""
    events: int = 1_000
    """How many events it may publish (`limits.commit.events`)."""
    timers: int = 1_000
    """How many timers it may set and cancel (`limits.commit.timers`)."""
    numbers: int = 100_000
    """How many numbers it may draw (`limits.commit.numbers`)."""
    timer_delay: timedelta = timedelta(days=400)
    """How far ahead it may set a timer (`limits.commit.timer_delay`)."""
    response: int = 4 << 20
    """How many bytes the body of an answer may have (`limits.response`)."""


def wrong_with_key(key: str) -> str | None:
    """Why the host refuses a key of the state; None where it does not."""
    return None if 1 <= _size(key) <= _LONGEST_KEY else f"a key of {_size(key):,} bytes was used: a key has 1 to {_LONGEST_KEY:,} bytes"


def wrong_with_sequence(name: str) -> str | None:
    """Why the host refuses the name of a sequence; None where it does not."""
    if 1 <= _size(name) <= _LONGEST_SEQUENCE:
        return None
    return f"a number of the table {name[:_LONGEST_SEQUENCE]} was drawn, whose name has {_size(name):,} bytes: the name of a sequence has 1 to {_LONGEST_SEQUENCE}"


def wrong_with_event(kind: str, subject: str) -> str | None:
    """Why the host refuses an event; None where it does not."""
    if not 1 <= _size(kind) <= _LONGEST_KIND or kind.strip() != kind or _CONTROL.search(kind):
        return f"an event of the kind {kind[:_LONGEST_KIND]!r} was emitted: a kind has 1 to {_LONGEST_KIND} bytes, no control character in it, and no space around it"
    if _size(subject) > _LONGEST_SUBJECT:
        return f"{kind} was emitted with a subject of {_size(subject):,} bytes: a subject has at most {_LONGEST_SUBJECT:,} bytes"
    return None


def wrong_with_response(response: Response, limits: Limits) -> str | None:
    """Why the host refuses an answer; None where it does not."""
    if type(response.status) is not int or not 200 <= response.status <= 599:
        return f"the answer has the status {response.status}: it is from 200 to 599"
    for name, value in response.headers:
        if _TOKEN.fullmatch(name) is None:
            return f"the answer has a header that is called {name!r}: the name of a header is made of letters, digits and !#$%&'*+-.^_`|~"
        if name not in _IGNORED and _VISIBLE.fullmatch(value) is None:
            return f"the header {name} of the answer is {value!r}: a header is made of visible characters of ASCII and spaces, with no line break in it"
    if len(response.body) > limits.response:
        return f"the body of the answer has {len(response.body):,} bytes: it has at most {limits.response:,} (limits.response)"
    return None


def _size(text: str) -> int:
    return len(text.encode("utf-8"))
