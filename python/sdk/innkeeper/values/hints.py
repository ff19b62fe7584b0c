"""The types that hints name."""

import copy
import dataclasses
import inspect
import types
import typing
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

from ..text import checked_text
from .compound import Case, Dictionary, Field, List, OneOf, Optional, Struct, Tuple, Variant, default_of
from .kind import Annotation, Type
from .marks import Keyword, Named, Outside, Some, Stored, UpTo, name_of_case, naming_of
from .scalars import Bool, Bytes, Char, Float, Integer, Text, Unit

_PLAIN: dict[Any, Type] = {
    None: Unit(),
    type(None): Unit(),
    bool: Bool(),
    float: Float("f64"),
    str: Text(),
    bytes: Bytes(),
}
_SCALARS: dict[str, Type] = {
    **{name: Integer(name) for name in ("u8", "u16", "u32", "u64", "u128", "s8", "s16", "s32", "s64", "s128")},
    "f32": Float("f32"),
    "char": Char(),
}
_RECORDS: dict[type[Any], Struct] = {}
_ENUMS: dict[type[Enum], OneOf] = {}


def type_of(hint: Any) -> Type:
    """The type that a hint names."""
    hint = resolved(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1:])
    if origin in (typing.Union, types.UnionType):
        return _union(arguments)
    if origin is list:
        return List(type_of(arguments[0]))
    if origin is tuple and Ellipsis not in arguments:
        return Tuple([type_of(part) for part in arguments])
    if origin is dict:
        return Dictionary(type_of(arguments[0]), type_of(arguments[1]))
    if isinstance(hint, type) and issubclass(hint, Enum):
        if hint not in _ENUMS:
            _ENUMS[hint] = OneOf(hint)
        return _ENUMS[hint]
    if isinstance(hint, type) and dataclasses.is_dataclass(hint) and hint is not Some:
        return _record(hint)
    if hint is int:
        raise TypeError("`int` does not say how large it may be: U64 or S64 does, or another of U8 to U128, S8 to S128")
    if origin is Some:
        raise TypeError("`Some` is for what may be None besides: `Some[U8 | None] | None`")
    raise TypeError(f"{hint!r} is no type of a table, an event or a body: those are dataclasses, Enums, list, tuple, dict, str, bytes, bool, float, U64 and the like")


def resolved(hint: Any) -> Any:
    """What a name for a type stands for."""
    for name in ("__supertype__", "__value__"):
        while hasattr(hint, name) and not isinstance(hint, (type, Enum)):
            hint = getattr(hint, name)
    return hint


@dataclass(frozen=True)
class Marked:
    """What a hint of a field or a parameter says: its type, and its names where those are others than in the code."""

    of: Type
    stored: str | None
    outside: str | None


def marked(hint: Any) -> Marked:
    """What the hint of a field or a parameter says."""
    hint = resolved(hint)
    marks = typing.get_args(hint)[1:] if typing.get_origin(hint) is Annotated else ()
    found: dict[type[Any], str] = {}
    for mark in marks:
        if isinstance(mark, (Outside, Stored)):
            kind = type(mark)
            if kind in found:
                raise TypeError(f"it has two names by `{kind.__name__}`: {found[kind]!r} and {mark.name!r}")
            found[kind] = checked_text(f"the name of `{kind.__name__}`", mark.name)
    others = [mark for mark in marks if not isinstance(mark, (Outside, Stored))]
    of = _annotated(typing.get_args(hint)[0], tuple(others)) if marks else type_of(hint)
    return Marked(of, found.get(Stored), found.get(Outside))


def _annotated(hint: Any, marks: tuple[Any, ...]) -> Type:
    of = None
    for mark in marks:
        if isinstance(mark, (Outside, Stored)):
            name = type(mark).__name__
            raise TypeError(f'`{name}` names a field or a parameter, so it stands around its whole type, as in `Annotated[str | None, {name}("{mark.name}")]`')
        if any(mark is one for one in (Keyword, Outside, Stored, UpTo)):
            raise TypeError(f"`{mark.__name__}` says nothing without what stands in its brackets: `{mark.__name__}(…)`")
        if isinstance(mark, Named):
            of = _SCALARS[mark.scalar]
        if isinstance(mark, UpTo):
            if resolved(hint) is not str:
                raise TypeError("`UpTo` says how long a `str` may be")
            of = Text(mark.most)
    of = type_of(hint) if of is None else of
    keywords: dict[str, Annotation] = {mark.name: ("keyword", (mark.name, mark.json)) for mark in marks if isinstance(mark, Keyword)}
    return of if keywords == {} else _with_keywords(of, keywords)


def _with_keywords(of: Type, keywords: dict[str, Annotation]) -> Type:
    """The same type, of which more is said."""
    if isinstance(of, (Struct, OneOf)):
        raise TypeError(f"`Keyword` is not said of {of.made.__name__}: it has one name in the documents, and would be two types there")
    before = {name: ("keyword", (name, said)) for _, (name, said) in of.keywords}
    of = copy.copy(of)
    of.keywords = tuple({**before, **keywords}.values())
    return of


def _union(arguments: tuple[Any, ...]) -> Type:
    parts = [one for one in arguments if one is not type(None)]
    is_optional = len(parts) < len(arguments)
    if not is_optional:
        return _variant(parts)
    if len(parts) > 1:
        return Optional(_variant(parts))
    (part,) = parts
    if typing.get_origin(part) is not Some:
        inner = type_of(part)
        if inner.takes_null:
            raise TypeError(f"`None` is one of the values of {part!r} already: `Some[…] | None` tells the two apart")
        return Optional(inner)
    inner = type_of(typing.get_args(part)[0])
    if not inner.takes_null:
        raise TypeError("`Some` is for what may be None besides: leave it out")
    return Optional(inner)


def _variant(parts: list[Any]) -> Type:
    if not all(isinstance(part, type) and dataclasses.is_dataclass(part) for part in parts):
        raise TypeError("the cases of a union are dataclasses: each is a case of a variant, by its name")
    cases = [_case(part) for part in parts]
    if len({case.name for case in cases}) < len(cases):
        raise TypeError("two cases of a union have one name")
    return Variant(cases)


def _case(made: type[Any]) -> Case:
    record = _record(made)
    name = name_of_case(made)
    names = [one.name for one in record.fields]
    if names == []:
        return Case(name, made, None, False)
    if names == ["value"]:
        return Case(name, made, record.fields[0].of, True)
    return Case(name, made, record, False)


def _record(made: type[Any]) -> Struct:
    if made in _RECORDS:
        return _RECORDS[made]
    record = _RECORDS[made] = Struct(made)
    try:
        hints = typing.get_type_hints(made, include_extras=True)
        naming = naming_of(made)
        record.fields = [_field(made, one, hints[one.name], naming(one.name)) for one in dataclasses.fields(made)]
        for what, names in (
            ("in the state", [one.stored for one in record.fields]),
            ("outside", [one.outside for one in record.fields]),
        ):
            if len(set(names)) < len(names):
                raise TypeError(f"two fields of {made.__name__} have one name {what}")
        _refuse_unmakable(made, [one.name for one in record.fields])
    except BaseException:
        del _RECORDS[made]
        raise
    return record


def _refuse_unmakable(made: type[Any], names: list[str]) -> None:
    """Refuses a dataclass of which no value could be made of its fields: what is read is made by their names."""
    if "__dataclass_params__" not in vars(made):
        for name in inspect.get_annotations(made):
            if name not in names and name not in vars(made):
                raise TypeError(f"{made.__name__}.{name} is no field: write `@dataclass` above {made.__name__}, too")
    if inspect.isabstract(made):
        raise TypeError(f"no {made.__name__} could be made of what is read: it is abstract")
    try:
        inspect.signature(made).bind(**dict.fromkeys(names))
    except TypeError as error:
        raise TypeError(f"no {made.__name__} could be made of what is read: it is made by the names of its fields alone, and then there is {error}") from None


def _field(made: type[Any], field: "dataclasses.Field[Any]", hint: Any, outside: str) -> Field:
    if not field.init:
        raise TypeError(f"{made.__name__}.{field.name} is not set when one is made, so it could not be read")
    try:
        said = marked(hint)
    except TypeError as error:
        raise TypeError(f"{made.__name__}.{field.name}: {error}") from None
    return Field(field.name, said.stored or field.name, said.outside or outside, said.of, default_of(field))
