"""What a context answers to the host: its calls become those of the declaration, and whatever is raised becomes an answer.

An exception that left the component would be a trap, of which the host knows nothing but that it was one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .answer import answer_of
from .calls import Received
from .context import Context, Schema
from .event import DeliveredEvent
from .host import Kept
from .immediate import refuse_later
from .log import log
from .problem import Failure, Fault, Problem, Reject, Retry, Taken
from .response import Response
from .route import RequestReceived
from .text import describe_causes, describe_error, is_well_formed, reason_of, text_of


class Ended(Exception):
    """How an event's handling has ended that is not handled."""

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


class NotSo(Exception):
    """Why a check has failed, or entries cannot be migrated."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def note(what: str, error: BaseException) -> None:
    """Notes an exception that nobody has caught, with where it was raised."""
    if isinstance(error, Fault):
        log.error(f"{what}: {reason_of(error)}{describe_causes(error)}")
    else:
        log.critical(f"{what}: {describe_error(error)}")


def web(context: Context, request: RequestReceived) -> Response:
    """Answers a request."""
    what = f"the route {request.method} {request.route}"
    try:
        try:
            route = context.route_of(request.method, request.route)
            if route is None:
                raise Problem.not_found(f"{what} is not there.")
            return answer_of(route.answer(request)).to_response()
        except Problem as problem:
            return problem.to_response()
    except BaseException as error:
        note(what, error)
        is_fault = isinstance(error, Fault)
    met = "met data that it cannot handle" if is_fault else "failed"
    return Problem(500, f"The context {met}; its log says more.").to_response()


def on_event(context: Context, event: DeliveredEvent) -> None:
    """Handles an event; raises `Ended`, and nothing else."""
    what = f"the policy for {event.kind}"
    try:
        policies = context.policies_for(event.source, event.kind)
        if not policies:
            raise Reject(f"nobody follows {event.kind} of {event.source} here")
        for policy in policies:
            policy.handle(event)
        return
    except Reject as error:
        ended = Ended("reject", reason_of(error))
    except Taken as error:
        ended = Ended("reject", error.reason)
    except Retry as error:
        ended = Ended("retry", reason_of(error))
    except BaseException as error:
        note(what, error)
        ended = Ended("retry", reason_of(error))
    raise ended


@dataclass(frozen=True)
class Unavailable:
    """What a function answers where an exception has ended it that it does not mean itself."""

    reason: str


def offered(
    name: str, run: Callable[..., Any], parameters: Sequence[Any], finish: Callable[[Any], Any], fail: Callable[[Failure], Any]
) -> Any:
    """Runs a function that the context offers; raises what `fail` makes of the case of its error. `finish` makes an answer of what it returns.

    Both raise ValueError for what the interface does not have.
    """
    what = f"the function {name}"
    try:
        returned = refuse_later(f"what {what} returned", run(*parameters))
        return finish(returned)
    except Failure as failure:
        ended = _failed(what, failure, fail)
    except BaseException as error:
        note(what, error)
        ended = fail(Failure("unavailable", reason_of(error)))
    raise ended


def _failed(what: str, failure: Failure, fail: Callable[[Failure], Any]) -> Any:
    if isinstance(failure, Received):
        note(what, failure)
        return fail(Failure("unavailable", reason_of(failure)))
    try:
        return fail(failure)
    except BaseException as error:
        note(what, failure)
        reason = f"{what} has no such error: {reason_of(failure)} ({reason_of(error)})"
        return fail(Failure("unavailable", reason))


def ready(context: Context) -> None:
    """Whether it can take requests; raises `NotSo`."""

    def check() -> Any:
        if context.config is not None:
            context.config.read()
        return None if context.is_ready is None else context.is_ready()

    _checked("ready", check)


def live(context: Context) -> None:
    """Whether it works; raises `NotSo`."""
    if context.is_live is not None:
        _checked("live", context.is_live)


def _checked(what: str, run: Callable[[], Any]) -> None:
    try:
        refuse_later(f"what {what} returned", run())
        return
    except BaseException as error:
        reason = reason_of(error)
    raise NotSo(reason)


def schema(context: Context) -> Schema:
    """Which state it works with."""
    return context.schema or Schema()


def migrate(context: Context, number: int, entries: Sequence[Kept]) -> list[list[Kept]]:
    """What becomes of entries of another schema; raises `NotSo`."""
    run = schema(context).migrate
    if run is None:
        raise NotSo(f"state of schema {number} cannot be migrated: this version has no `migrate`")
    return [_migrated(run, number, entry) for entry in entries]


def _is_entry(one: Any) -> bool:
    return isinstance(one.key, str) and is_well_formed(one.key) and isinstance(one.value, bytes)


def _migrated(run: Callable[[int, Kept], Any], number: int, entry: Kept) -> list[Kept]:
    try:
        entries = refuse_later("what migrate returned", run(number, entry))
        is_list = isinstance(entries, (list, tuple))
        if not is_list or not all(_is_entry(one) for one in entries):
            raise TypeError("migrate returns a list of entries, as the `entry` of a table makes them")
        return list(entries)
    except BaseException as error:
        reason = f"{text_of(entry.key)}: {reason_of(error)}"
    raise NotSo(reason)
