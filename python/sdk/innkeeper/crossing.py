"""Values that go to another context or come back from here: they are looked at where an exception is still one."""

import dataclasses
import types
import typing
from enum import Enum, Flag
from typing import Any

from .names import kebab_of_class, snake_case
from .text import is_well_formed

Shape = Any
"""What a type is by the WIT, as the build has read it: `"u64"`, `("list", "u64")`, `("record", {"room-id": "u64"})`."""

Shapes = tuple[list[Shape], Shape, dict[str, Shape]]
"""What a function takes, what it answers, and what each case of its error carries."""


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
    if isinstance(origin, type) and dataclasses.is_dataclass(origin):
        return _carrying(value, origin, arguments)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _record(value, hint)
    if isinstance(hint, type) and issubclass(hint, Flag):
        return _flags(value, hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        if not isinstance(value, Enum) or value.name not in hint.__members__:
            raise _wanted(f"one of {', '.join(hint.__members__)}", value)
        return hint[value.name]
    return _plain(value, hint)


def _wanted(what: str, value: object) -> ValueError:
    return ValueError(f"a value of the type {type(value).__name__} is there, where {what} is wanted")


def _one_of(value: Any, arguments: tuple[Any, ...]) -> Any:
    others = [one for one in arguments if one is not type(None)]
    if len(others) < len(arguments):
        return None if value is None else fitted(value, typing.Union[tuple(others)])
    name = type(value).__name__
    for one in others:
        if one.__name__.partition("_")[2] == name or one.__name__ == name:
            return fitted(value, one)
    raise _wanted(f"one of {', '.join(one.__name__.partition('_')[2] for one in others)}", value)


def _carrying(value: Any, made: type[Any], arguments: tuple[Any, ...]) -> Any:
    """`Some[…]`, `Ok[…]` or `Err[…]`, of a value of a class of that name."""
    (field,) = dataclasses.fields(made)
    if type(value).__name__ != made.__name__ or not hasattr(value, field.name):
        raise _wanted(f"{made.__name__}(…)", value)
    return made(fitted(getattr(value, field.name), arguments[0]))


def _flags(value: Any, hint: type[Flag]) -> Flag:
    names = [one.name for one in value] if isinstance(value, Flag) else None
    if names is None or not all(name in hint.__members__ for name in names):
        raise _wanted(f"some of {', '.join(hint.__members__)}", value)
    found = hint(0)
    for name in names:
        found |= hint[str(name)]
    return found


def _record(value: Any, hint: type[Any]) -> Any:
    hints = typing.get_type_hints(hint)
    given = {}
    for field in dataclasses.fields(hint):
        if not hasattr(value, field.name):
            raise _wanted(f"{hint.__name__} with {field.name}", value)
        given[field.name] = fitted(getattr(value, field.name), hints[field.name])
    return hint(**given)


def _plain(value: Any, hint: Any) -> Any:
    if hint is float and type(value) is int:
        return float(value)
    if isinstance(hint, type) and type(value) is not hint:
        raise _wanted(f"one of the type {hint.__name__}", value)
    if isinstance(value, str) and not is_well_formed(value):
        raise ValueError("a text has half a surrogate pair, which is no character")
    return value


def bounded(value: Any, shape: Shape) -> Any:
    """A value as the bindings take it, if its integers are as large as the interface has them; raises ValueError where not."""
    if isinstance(shape, str):
        _check_scalar(value, shape)
    elif isinstance(shape, tuple):
        for part, one in _parts(value, *shape):
            bounded(part, one)
    return value


def _check_scalar(value: Any, name: str) -> None:
    if type(value) is int and name[0] in "us" and name[1:].isdigit():
        bits = int(name[1:])
        least, most = (0, 1 << bits) if name[0] == "u" else (-(1 << (bits - 1)), 1 << (bits - 1))
        if not least <= value < most:
            raise ValueError(f"{value} is no {name}")
    if name == "char" and len(value) != 1:
        raise ValueError(f"a text of {len(value)} characters is no char")


def _parts(value: Any, kind: str, *of: Any) -> list[tuple[Any, Shape]]:
    """The parts of a value with their shapes."""
    if value is None or isinstance(value, bytes):
        return []
    if kind == "list":
        return [(part, of[0]) for part in value]
    if kind == "option":
        return [(value.value if type(value).__name__ == "Some" else value, of[0])]
    if kind == "tuple":
        return list(zip(value, of[0]))
    if kind == "record":
        return [(getattr(value, snake_case(name)), shape) for name, shape in of[0].items()]
    if kind == "variant":
        case = kebab_of_class(type(value).__name__.partition("_")[2])
        return [(value.value, of[0][case])] if of[0].get(case) is not None else []
    if kind == "result":
        return [(value.value, of[0] if type(value).__name__ == "Ok" else of[1])]
    return []
