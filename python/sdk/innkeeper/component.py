"""A context as its component exports it, with the bindings that componentize-py makes of the contract. Only a component imports this."""

from __future__ import annotations

import importlib
import re
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from . import answering
from .context import Context, Description
from .crossing import Shapes, bounded, fitted
from .document import Documentation
from .host import answered_by
from .names import kebab_of_class, snake_case
from .problem import Failure
from .values.kind import Described

CONTRACT = "innkeeper:context"

Signatures = Mapping[str, Mapping[str, Shapes]]
"""What the functions of interfaces take and answer, by the ids of interfaces without their versions."""


class Bindings:
    """The modules that componentize-py makes, by the ids of interfaces with their versions."""

    def __init__(self, contract: str) -> None:
        self.contract = contract
        self.exports = importlib.import_module("wit_world.exports")
        self.err: type[BaseException] = importlib.import_module("componentize_py_types").Err

    def imported(self, id: str) -> ModuleType:
        """The functions and types of an interface that is imported."""
        return importlib.import_module(f"wit_world.imports.{_module(id)}")

    def exported(self, id: str) -> ModuleType:
        """The types of an interface that is exported."""
        return importlib.import_module(f"wit_world.exports.{_module(id)}")

    def of_contract(self, name: str) -> str:
        """The id of an interface of the contract."""
        return f"{CONTRACT}/{name}@{self.contract}"

    def protocol(self, id: str) -> type[Any]:
        """What an interface that is exported asks for."""
        protocol: type[Any] = getattr(self.exports, _class(id))
        return protocol

    def cases(self, function: Callable[..., Any]) -> dict[str, type[Any]]:
        """The classes of the cases of a function's error, by their names in WIT. Which type it is stands in its documentation only."""
        named = re.search(r"Raises: `componentize_py_types\.Err\(wit_world\.imports\.(\w+)\.(\w+)\)`", function.__doc__ or "")
        if named is None:
            return {}
        module, name = named.groups()
        # A type of an interface that is exported is named as if it were imported.
        for where in ("exports", "imports"):
            try:
                found = importlib.import_module(f"wit_world.{where}.{module}")
            except ImportError:
                continue
            cases = {key.removeprefix(f"{name}_"): one for key, one in vars(found).items() if key.startswith(f"{name}_")}
            if cases:
                return {kebab_of_class(key): one for key, one in cases.items()}
        return {}


def _parts(id: str) -> list[str]:
    return [part for part in re.split(r"[^A-Za-z0-9]+", id) if part]


def _module(id: str) -> str:
    return "_".join(_parts(id))


def _class(id: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in _parts(id))


class _Component:
    """The host as a component asks it."""

    def __init__(self, bindings: Bindings, calls: Mapping[str, str], signatures: Signatures, outside: str | None) -> None:
        self.state: Any = bindings.imported(bindings.of_contract("state"))
        self.outbox: Any = bindings.imported(bindings.of_contract("outbox"))
        self.invocation: Any = bindings.imported(bindings.of_contract("invocation"))
        self._store: Any = bindings.imported("wasi:config/store@0.2.0-rc.1")
        self._logging: Any = bindings.imported("wasi:logging/logging@0.1.0-draft")
        self._calls = {id: bindings.imported(versioned) for id, versioned in calls.items()}
        self._outside = None if outside is None else _Outside(bindings.imported(outside), bindings.err)
        self._err = bindings.err
        self._signatures = signatures
        # Looked up once: it takes the evaluation of every hint.
        self._hints: dict[tuple[str, str], list[Any]] = {
            (id, name): _parameters_of(run)
            for id, module in self._calls.items()
            for name, run in vars(module).items()
            if callable(run) and getattr(run, "__module__", None) == module.__name__ and not isinstance(run, type)
        }

    def settings(self) -> list[tuple[str, str]]:
        try:
            found: list[tuple[str, str]] = self._store.get_all()
            return found
        except self._err as error:
            raise RuntimeError(f"the configuration cannot be read: {error}") from None

    def log(self, level: str, message: str) -> None:
        self._logging.log(self._logging.Level[level.upper()], "", message)

    def call(self, interface: str, function: str, parameters: tuple[Any, ...]) -> Any:
        name = snake_case(function)
        hints = self._hints.get((interface, name))
        if hints is None:
            raise TypeError(f"{interface} has no function {function}, or is not one of the `calls` of the context")
        if len(hints) != len(parameters):
            raise TypeError(f"{interface}#{function} takes {len(hints)} parameters, not {len(parameters)}")
        shapes, _, _ = self._signatures[interface][function]
        given = [bounded(fitted(value, hint), shape) for value, hint, shape in zip(parameters, hints, shapes)]
        try:
            return getattr(self._calls[interface], name)(*given)
        except self._err as error:
            value: Any = getattr(error, "value", None)
            kind = type(value).__name__.partition("_")[2]
            raise Failure(kebab_of_class(kind), getattr(value, "value", None)) from None


    def send(self, request: Any) -> Any:
        if self._outside is None:
            raise RuntimeError("innkeeper.outbound is imported at the top of a module: that is how the context says that it asks outside")
        return self._outside.send(request)


class _Outside:
    """The outside as a component asks it."""

    def __init__(self, http: Any, err: type[BaseException]) -> None:
        self._http = http
        self._err = err
        self._outbound: Any = importlib.import_module("innkeeper.outbound")

    def send(self, request: Any) -> Any:
        timeout = self._outbound.milliseconds_of(request)
        asked = self._http.Request(request.method, request.url, list(request.headers), request.body, timeout)
        try:
            answered = self._http.send(asked)
        except self._err as error:
            value: Any = getattr(error, "value", None)
            # The classes of both are called as the cases are.
            raised: Any = getattr(self._outbound, type(value).__name__.partition("_")[2])
            raise raised(value.value) from None
        return self._outbound.Response(answered.status, answered.headers, answered.body)


def _parameters_of(function: Callable[..., Any]) -> list[Any]:
    hints = typing.get_type_hints(function)
    return [hint for name, hint in hints.items() if name != "return"]


def exports(
    context: Context,
    contract: str,
    versions: Mapping[str, str],
    calls: Mapping[str, str],
    signatures: Signatures,
    outside: str | None,
) -> dict[str, type[Any]]:
    """The classes that a component exports, by their names. `versions` are the ids of interfaces with their versions, `calls` of those that are called, and `outside`
    is the one by which it asks outside, if it does."""
    bindings = Bindings(contract)
    host = _Component(bindings, calls, signatures, outside)
    # Once, before the interpreter is copied: what types are made of is found out by it, too.
    description = context.describe(versions)
    documentation = context.document()
    types: Any = bindings.imported(bindings.of_contract("types"))
    policies: Any = bindings.exported(bindings.of_contract("policies"))
    document: Any = bindings.exported(bindings.of_contract("document"))
    err: Any = bindings.err

    def described(_self: Any) -> Any:
        return _described(description, types)

    def documented(_self: Any) -> Any:
        return _documented(documentation, types, document)

    def handle(_self: Any, request: Any) -> Any:
        with _running(host):
            response = answering.web(context, request)
            return types.Response(response.status, response.headers, response.body)

    def on_event(_self: Any, event: Any) -> None:
        with _running(host):
            try:
                return answering.on_event(context, event)
            except answering.Ended as ended:
                made = policies.PolicyError_Reject if ended.outcome == "reject" else policies.PolicyError_Retry
                error = err(made(ended.reason))
            raise error

    def checked(check: Callable[[Context], None]) -> Callable[[Any], None]:
        def run(_self: Any) -> None:
            with _running(host):
                try:
                    return check(context)
                except answering.NotSo as reason:
                    error = err(reason.reason)
                raise error

        return run

    found: dict[str, dict[str, Callable[..., Any]]] = {
        bindings.of_contract("describe"): {"describe": described},
        bindings.of_contract("document"): {"document": documented},
        bindings.of_contract("web"): {"handle": handle},
        bindings.of_contract("policies"): {"on_event": on_event},
        bindings.of_contract("health"): {"ready": checked(answering.ready), "live": checked(answering.live)},
    }
    if context.schema is not None:
        found[bindings.of_contract("migration")] = _migration(context, bindings)
    for id, functions in context.offers.items():
        protocol = bindings.protocol(versions[id])
        found[versions[id]] = {
            snake_case(name): _offered(
                host, bindings, f"{id}#{name}", run, getattr(protocol, snake_case(name)), signatures[id][name]
            )
            for name, run in functions.items()
        }
    return {_class(id): type(_class(id), (), functions) for id, functions in found.items()}


def _migration(context: Context, bindings: Bindings) -> dict[str, Callable[..., Any]]:
    migration: Any = bindings.exported(bindings.of_contract("migration"))
    state: Any = bindings.imported(bindings.of_contract("state"))

    def schema(_self: Any) -> Any:
        found = answering.schema(context)
        return migration.StateSchema(found.number, list(found.reads), found.rebuild)

    def migrate(_self: Any, number: int, entries: list[Any]) -> Any:
        try:
            moved = answering.migrate(context, number, entries)
            return [[state.Entry(one.key, one.value) for one in several] for several in moved]
        except answering.NotSo as reason:
            error = bindings.err(reason.reason)
        raise error

    return {"schema": schema, "migrate": migrate}


def _offered(
    host: Any, bindings: Bindings, name: str, run: Callable[..., Any], asked: Callable[..., Any], shapes: Shapes
) -> Callable[..., Any]:
    _, answered, carried = shapes
    cases = bindings.cases(asked)
    if carried and not cases:
        raise RuntimeError(f"the bindings that componentize-py has made name no errors of {name}: this SDK knows those of another version of it")
    returned = typing.get_type_hints(asked).get("return")

    def finish(value: Any) -> Any:
        return bounded(fitted(value, returned), answered)

    def fail(failure: Failure) -> Any:
        case = cases.get(failure.kind)
        if case is None:
            raise ValueError(f"there is {', '.join(cases)}")
        hints = list(typing.get_type_hints(case).values())
        if len(hints) == 0:
            if failure.value is not None:
                raise ValueError(f"{failure.kind} carries nothing")
            return bindings.err(case())
        return bindings.err(case(bounded(fitted(failure.value, hints[0]), carried.get(failure.kind))))

    def answer(_self: Any, *parameters: Any) -> Any:
        with _running(host):
            return answering.offered(name, run, parameters, finish, fail)

    return answer


class _running:
    """Has the host of a component answer while something runs."""

    def __init__(self, host: Any) -> None:
        self._answered = answered_by(host)
        self._host = host

    def __enter__(self) -> None:
        self._answered.__enter__()
        # The interpreter was started once, and is copied for each invocation: what it draws begins with an id of the invocation's, which nobody else can tell.
        random: Any = sys.modules.get("random")
        if random is not None:
            random.seed(self._host.invocation.new_id())

    def __exit__(self, *error: Any) -> None:
        self._answered.__exit__(None, None, None)


def _data_types(described: Sequence[Described], types: Any) -> list[Any]:
    """Types as the contract has them."""

    def data_type(case: str, carried: Any) -> Any:
        if case == "scalar":
            return types.DataType_Scalar(types.Scalar[carried.upper()])
        if case == "record":
            return types.DataType_Record([types.Field(*one) for one in carried])
        if case == "variant":
            return types.DataType_Variant([types.Alternative(*one) for one in carried])
        return getattr(types, f"DataType_{case.capitalize()}")(carried)

    return [data_type(*one) for one in described]


def _described(description: Description, types: Any) -> Any:
    """A description as the contract has it."""
    return types.Description(
        description.summary,
        _data_types(description.types, types),
        [types.Table(name, [types.KeyPart[part.upper()] for part in key], value) for name, key, value in description.tables],
        [types.Route(one.method, one.path, one.consumes) for one in description.routes],
        description.publishes,
        [types.Followed(*one) for one in description.follows],
        [types.EventData(one.source, one.kind, one.value) for one in description.events],
        [types.Compensation(*one) for one in description.compensations],
    )


def _documented(documentation: Documentation, types: Any, document: Any) -> Any:
    """A documentation as the contract has it."""

    def annotation(case: str, carried: Any) -> Any:
        if case == "closed":
            return document.Annotation_Closed()
        made = getattr(document, f"Annotation_{case.capitalize()}")
        return made(document.Range(*carried) if case in ("length", "value") else carried)

    def body(case: str, carried: Any) -> Any:
        made = getattr(document, f"Body_{case.capitalize()}")
        return made() if carried is None else made(carried)

    return document.Documentation(
        _data_types(documentation.types, types),
        [document.Annotated(value, annotation(*said)) for value, said in documentation.annotations],
        [
            document.DocumentedRoute(
                one.method,
                one.path,
                one.summary,
                [types.Field(*field) for field in one.parameters],
                [types.Field(*field) for field in one.query],
                body(*one.body),
                [document.Answer(*answer) for answer in one.answers],
            )
            for one in documentation.routes
        ],
    )
