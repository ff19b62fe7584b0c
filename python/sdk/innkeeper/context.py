"""The declaration of a context: both what the host is told and what runs, so the two cannot differ."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .calls import Calls, interface_of
from .config import Config
from .document import Documentation, documentation_of
from .event import Event, Policy
from .host import Entry, Kept
from .immediate import refuse_async
from .names import kebab_case
from .route import Route, route
from .table import TableReader
from .text import checked_text
from .values import Form, Types
from .values.kind import Described

Run = TypeVar("Run", bound=Callable[..., Any])
Migrate = Callable[[int, Kept], Sequence[Kept]]


@dataclass(frozen=True)
class Schema:
    """Which state a context works with: the number of its shape, others that it reads as they are, and whether the state is filled anew from the first event."""

    number: int = 0
    reads: Sequence[int] = ()
    rebuild: bool = False
    migrate: Migrate | None = None
    """What becomes of an entry of another schema: the entries in its place, as the `entry` of a table makes them.

    It follows from the entry alone: the host answers nothing meanwhile, so no table is read and nothing is logged. What is raised ends the rollout, and says why.
    """

    def __post_init__(self) -> None:
        numbers = (self.number, *self.reads)
        if not all(type(number) is int and 0 <= number < 2**32 for number in numbers):
            raise TypeError("the number of a schema is a whole one of 32 bits")
        if not isinstance(self.rebuild, bool):
            raise TypeError("whether the state is filled anew is True or False")


@dataclass
class EventData:
    """What the data of an event is made of: the place of its type."""

    source: str | None
    kind: str
    value: int


@dataclass
class Description:
    """What a context is to its host."""

    summary: str
    types: list[Described] = field(default_factory=list)
    tables: list[tuple[str, list[str], int]] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    publishes: list[str] = field(default_factory=list)
    follows: list[tuple[str, str]] = field(default_factory=list)
    events: list[EventData] = field(default_factory=list)
    compensations: list[tuple[str, str]] = field(default_factory=list)


class Context:
    """A bounded context. What it answers, follows and offers is added by decorators."""

    def __init__(
        self,
        summary: str,
        *,
        tables: Sequence[TableReader[Any, Any]] = (),
        publishes: Sequence[Event[Any]] = (),
        calls: Sequence[Calls] = (),
        config: Config[Any] | None = None,
        schema: Schema | None = None,
    ) -> None:
        self.summary = checked_text("the summary of a context", summary)
        self.tables = [part for table in tables for part in table.parts]
        self.publishes = list(publishes)
        self.calls = list(calls)
        self.config = config
        self.schema = schema
        self.routes: list[Route] = []
        self.policies: list[Policy] = []
        self.offers: dict[str, dict[str, Callable[..., Any]]] = {}
        self.undos: dict[str, dict[str, str]] = {}
        self.is_ready: Callable[[], Any] | None = None
        self.is_live: Callable[[], Any] | None = None
        if schema is not None and schema.migrate is not None:
            refuse_async("migrate", schema.migrate)

    @property
    def called(self) -> list[str]:
        """The ids of the interfaces that it calls, without their versions."""
        return [interface_of(one) for one in self.calls]

    def get(self, path: str) -> Callable[[Run], Run]:
        """Answers GET requests for a path."""
        return self._route("GET", path)

    def post(self, path: str) -> Callable[[Run], Run]:
        """Answers POST requests for a path."""
        return self._route("POST", path)

    def put(self, path: str) -> Callable[[Run], Run]:
        """Answers PUT requests for a path."""
        return self._route("PUT", path)

    def patch(self, path: str) -> Callable[[Run], Run]:
        """Answers PATCH requests for a path."""
        return self._route("PATCH", path)

    def delete(self, path: str) -> Callable[[Run], Run]:
        """Answers DELETE requests for a path."""
        return self._route("DELETE", path)

    def _route(self, method: str, path: str) -> Callable[[Run], Run]:
        def declare(run: Run) -> Run:
            self.routes.append(route(method, path, run))
            return run

        return declare

    def on(self, source: str, event: Event[Any]) -> Callable[[Run], Run]:
        """Follows the events of a kind that a context publishes. The policy takes the data, and may take a `Delivery`."""

        def declare(run: Run) -> Run:
            refuse_async(f"the policy for {event.kind}", run)
            count = len(inspect.signature(run).parameters)
            if count not in (1, 2):
                raise TypeError(f"the policy for {event.kind} takes the event's data, and may take a Delivery")
            checked_text("the context that is followed", source)
            self.policies.append(Policy(source, event, run, count == 2))
            return run

        return declare

    def offer(self, interface: str, *, undo: str | None = None) -> Callable[[Run], Run]:
        """Offers a function of an interface, named without its version, to other contexts. `undo` is the function of the interface that undoes it."""

        def declare(run: Run) -> Run:
            checked_text("the id of an interface", interface)
            name = kebab_case(run.__name__)
            refuse_async(name, run)
            self.offers.setdefault(interface, {})[name] = run
            if undo is not None:
                self.undos.setdefault(interface, {})[name] = kebab_case(undo)
            return run

        return declare

    def ready(self, run: Run) -> Run:
        """Whether it can take requests: what is raised is why not."""
        refuse_async("ready", run)
        self.is_ready = run
        return run

    def live(self, run: Run) -> Run:
        """Whether it works: what is raised is why not."""
        refuse_async("live", run)
        self.is_live = run
        return run

    def describe(self, versions: Mapping[str, str]) -> Description:
        """What it is to its host. `versions` are the ids of interfaces with their versions, by those without."""
        types = Types()
        tables = [table.described(types) for table in self.tables]
        followed = list(dict.fromkeys((one.source, one.event.kind) for one in self.policies))
        events: dict[tuple[str | None, str], EventData] = {}
        of_all: list[tuple[str | None, Event[Any]]] = [(None, one) for one in self.publishes]
        of_all += [(one.source, one.event) for one in self.policies]
        for source, event in of_all:
            if (source, event.kind) not in events:
                place = types.place(event.data, Form.EVENT)
                events[source, event.kind] = EventData(source, event.kind, place)
        compensations = [
            (f"{versions.get(id, id)}#{done}", f"{versions.get(id, id)}#{undo}")
            for id, pairs in self.undos.items()
            for done, undo in pairs.items()
        ]
        publishes = [event.kind for event in self.publishes]
        return Description(
            self.summary, types.list, tables, self.routes, publishes, followed, list(events.values()), compensations
        )

    def document(self) -> Documentation:
        """What its routes take and answer, for the documents of the app."""
        return documentation_of(self.routes)

    def route_of(self, method: str, path: str) -> Route | None:
        """The route of a request."""
        return next((one for one in self.routes if one.method == method and one.path == path), None)

    def policies_for(self, source: str, kind: str) -> list[Policy]:
        """The policies for an event."""
        return [one for one in self.policies if one.source == source and one.event.kind == kind]


__all__ = ["Context", "Description", "Entry", "EventData", "Schema"]
