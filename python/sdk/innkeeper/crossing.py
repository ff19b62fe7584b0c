"""Values that go to another context or come back from here: they are looked at where an exception is still one."""

import dataclasses
import types
import typing
from enum import Enum
from typing import Any

from .text import is_well_formed


def fitted(value: Any, hint: Any) -> Any:
    """A value as the bindings take it for a type; raises ValueError where it is none. A dataclass becomes theirs by the names of its fields, and a case by its class's name."""
    if hint is None or hint is type(None):
        if value is not None:
            raise _wanted("nothing", value)
        return None
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _one_of(value, arguments)
    if origin is list:
        if not isinstance(value, (list, tuple)):
            raise _wanted("a list", value)
        return [fitted(part, arguments[0]) for part in value]
    if origin is tuple:
        if not isinstance(value, tuple) or len(value) != len(arguments):
            raise _wanted(f"a tuple of {len(arguments)}", value)
        return tuple(fitted(part, one) for part, one in zip(value, arguments))
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _record(value, hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        if not isinstance(value, Enum) or value.name not in hint.__members__:
            raise _wanted(f"one of {', '.join(hint.__members__)}", value)
        return hint[value.name]
    return _plain(value, hint)


def _wanted(what: str, value: object) -> ValueError:
    return ValueError(f"a {type(value).__name__} is there, where {what} is wanted")


def _one_of(value: Any, arguments: tuple[Any, ...]) -> Any:
    others = [one for one in arguments if one is not type(None)]
    if len(others) < len(arguments):
        return None if value is None else fitted(value, typing.Union[tuple(others)])
    name = type(value).__name__
    for one in others:
        if one.__name__.partition("_")[2] == name or one.__name__ == name:
            return _record(value, one)
    raise _wanted(f"one of {', '.join(one.__name__.partition('_')[2] for one in others)}", value)


def _record(value: Any, hint: type[Any]) -> Any:
    hints = typing.get_type_hints(hint)
    given = {}
    for field in dataclasses.fields(hint):
        if not hasattr(value, field.name):
            raise _wanted(f"a {hint.__name__} with {field.name}", value)
        given[field.name] = fitted(getattr(value, field.name), hints[field.name])
    return hint(**given)


def _plain(value: Any, hint: Any) -> Any:
    if hint is float and type(value) is int:
        return float(value)
    if isinstance(hint, type) and type(value) is not hint:
        raise _wanted(f"a {hint.__name__}", value)
    if isinstance(value, str) and not is_well_formed(value):
        raise ValueError("a text has half a surrogate pair, which is no character")
    return value
