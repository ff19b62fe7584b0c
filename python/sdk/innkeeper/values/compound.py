"""Types that are made of others."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ..text import first_paragraph, reason_of, to_well_formed
from .kind import Annotation, Described, Form, Mismatch, Place, Type, wanted
from .marks import Some
from .scalars import Text

_DEEPEST = 32
"""How deep arrays and objects may lie in each other in the state."""


def _deeper(depth: int, form: Form) -> int:
    if form is Form.STATE and depth >= _DEEPEST:
        raise Mismatch(f"its parts lie more than {_DEEPEST} deep in each other")
    return depth + 1


_LONGEST_NAME = 128
"""How many bytes the name of a type may have in the documents of the app."""


def called(name: str) -> list[Annotation]:
    """What says that a type has a name, unless that is longer than one may be."""
    said = to_well_formed(name)
    return [("name", said)] if 0 < len(said.encode("utf-8")) <= _LONGEST_NAME else []


def _said_of(made: type[Any]) -> list[Annotation]:
    """The name of a class, and what is written below it up to the first empty line."""
    written = vars(made).get("__doc__")
    # A dataclass for which nothing was written has its signature there.
    is_own = isinstance(written, str) and written != made.__name__ and not written.startswith(f"{made.__name__}(")
    said = first_paragraph(written) if is_own else None
    return called(made.__name__) + ([] if said is None else [("description", said)])


class Optional(Type):
    """A value, or `None`. Where `None` is one of the values already, `Some(value)` or `None`."""

    takes_null = True

    def __init__(self, inner: Type) -> None:
        self.inner = inner
        self.has_text = inner.has_text

    def describe(self, place: Place, form: Form) -> Described:
        return ("optional", place(self.inner))

    def read(self, said: Any, form: Form) -> Any:
        if said is None:
            return None
        if not self.inner.takes_null:
            return self.inner.read(said, form)
        # Only the state tells the two apart: elsewhere one `null` stands for both, as serde has it.
        if form is not Form.STATE:
            return Some(self.inner.read(said, form))
        if not isinstance(said, dict) or "some" not in said:
            raise wanted('null or {"some": …}', said)
        return Some(self.inner.read(said["some"], form))

    def read_text(self, text: str) -> Any:
        value = self.inner.read_text(text)
        return Some(value) if self.inner.takes_null else value

    def write(self, value: Any, form: Form, depth: int = 0) -> Any:
        if value is None:
            return None
        if not self.inner.takes_null:
            return self.inner.write(value, form, depth)
        if not isinstance(value, Some):
            raise wanted("None or Some(…)", value)
        if form is not Form.STATE:
            return self.inner.write(value.value, form, depth)
        return {"some": self.inner.write(value.value, form, _deeper(depth, form))}

    def what(self) -> str:
        return self.inner.what()


class List(Type):
    """Any number of values of one type."""

    def __init__(self, item: Type) -> None:
        self.item = item

    def describe(self, place: Place, form: Form) -> Described:
        return ("list", place(self.item))

    def read(self, said: Any, form: Form) -> list[Any]:
        if not isinstance(said, list):
            raise wanted("a list", said)
        return [_read(self.item, index, item, form) for index, item in enumerate(said)]

    def read_text(self, text: str) -> list[Any]:
        # As in Rust: what stands between commas, and nothing is no item.
        parts = [part.strip() for part in text.split(",")]
        return [self.item.read_text(part) for part in parts if part != ""]

    def write(self, value: Any, form: Form, depth: int = 0) -> list[Any]:
        if not isinstance(value, list):
            raise wanted("a list", value)
        inside = _deeper(depth, form)
        return [_write(self.item, index, item, form, inside) for index, item in enumerate(value)]

    def what(self) -> str:
        return f"{self.item.what()}, or several with commas between them"


class Tuple(Type):
    """One value of each type, in this order."""

    def __init__(self, parts: Sequence[Type]) -> None:
        self.parts = list(parts)

    def describe(self, place: Place, form: Form) -> Described:
        return ("tuple", [place(part) for part in self.parts])

    def read(self, said: Any, form: Form) -> tuple[Any, ...]:
        if not isinstance(said, list) or len(said) != len(self.parts):
            raise wanted(f"a list of {len(self.parts)}", said)
        return tuple(_read(part, index, said[index], form) for index, part in enumerate(self.parts))

    def write(self, value: Any, form: Form, depth: int = 0) -> list[Any]:
        if not isinstance(value, tuple) or len(value) != len(self.parts):
            raise wanted(f"a tuple of {len(self.parts)}", value)
        inside = _deeper(depth, form)
        return [_write(part, index, value[index], form, inside) for index, part in enumerate(self.parts)]


def _has_hash(of: Type) -> bool:
    """Whether the values of a type can be the keys of a dict."""
    match of:
        case List() | Dictionary():
            return False
        case Optional():
            return _has_hash(of.inner)
        case Tuple():
            return all(_has_hash(part) for part in of.parts)
        case Struct():
            return of.made.__hash__ is not None
        case Variant():
            return all(case.made.__hash__ is not None for case in of.cases)
    return True


class Dictionary(Type):
    """Keys of one type with values of another."""

    def __init__(self, key: Type, value: Type) -> None:
        if not _has_hash(key):
            raise TypeError("the keys of a dict have a hash: no list, no dict, and a dataclass only if it is `frozen=True`")
        self.key = key
        self.value = value
        self._pair = Tuple([key, value])

    def _has_members(self, form: Form) -> bool:
        """Whether its keys are members of an object. In the state only texts are."""
        return isinstance(self.key, Text) if form is Form.STATE else self.key.names_members

    def describe(self, place: Place, form: Form) -> Described:
        if form is not Form.STATE and not self.key.names_members:
            raise TypeError(
                "the keys of a dict in an event are texts, whole numbers, bool, Char or an Enum: they are the names of members in JSON"
            )
        return ("map", (place(self.key), place(self.value)))

    def read(self, said: Any, form: Form) -> dict[Any, Any]:
        if not self._has_members(form):
            if not isinstance(said, list):
                raise wanted("a list of pairs", said)
            return dict(_read(self._pair, index, pair, form) for index, pair in enumerate(said))
        if not isinstance(said, dict):
            raise wanted("an object", said)
        found = {}
        for name, value in said.items():
            try:
                key = self.key.read(name, form) if isinstance(self.key, Text) else self.key.read_text(name)
            except Mismatch as mismatch:
                raise mismatch.within(name)
            found[key] = _read(self.value, name, value, form)
        return found

    def write(self, value: Any, form: Form, depth: int = 0) -> Any:
        if not isinstance(value, dict):
            raise wanted("a dict", value)
        inside = _deeper(depth, form)
        if not self._has_members(form):
            return [_write(self._pair, index, pair, form, inside) for index, pair in enumerate(value.items())]
        written = {}
        for key, kept in value.items():
            try:
                name = self.key.write(key, form) if isinstance(self.key, Text) else self.key.write_text(key)
            except Mismatch as mismatch:
                raise mismatch.within(key)
            written[name] = _write(self.value, name, kept, form, inside)
        return written


@dataclass(frozen=True)
class Field:
    """A field of a record: its name in Python, in the state, and outside."""

    name: str
    stored: str
    outside: str
    of: Type
    default: Callable[[], Any] | None

    def named(self, form: Form) -> str:
        """Its name in a form."""
        return self.stored if form is Form.STATE else self.outside

    def lacking(self) -> Callable[[], Any] | None:
        """What makes the value of a field that is not there; none where it must be there."""
        if self.default is None and isinstance(self.of, Optional):
            return lambda: None
        return self.default


class Struct(Type):
    """Fields with names: a dataclass. Their order means nothing."""

    fields: list[Field]

    def __init__(self, made: type[Any]) -> None:
        self.made = made
        self.fields = []

    def describe(self, place: Place, form: Form) -> Described:
        return ("record", [(one.named(form), place(one.of), one.default is not None) for one in self.fields])

    def annotations(self, form: Form) -> list[Annotation]:
        # Of a body, nothing is passed over.
        return _said_of(self.made) + ([("closed", None)] if form is Form.BODY else [])

    def read(self, said: Any, form: Form) -> Any:
        if not isinstance(said, dict):
            raise wanted("an object", said)
        values = {}
        for one in self.fields:
            known = one.named(form)
            lacking = one.lacking()
            if known in said:
                values[one.name] = _read(one.of, known, said[known], form)
            elif lacking is not None:
                values[one.name] = lacking()
            else:
                raise Mismatch(f"missing field `{known}`")
        if form is Form.BODY:
            self._refuse_unknown(said)
        return _made(self.made, values)

    def _refuse_unknown(self, said: dict[str, Any]) -> None:
        known = [one.outside for one in self.fields]
        for name in said:
            if name not in known:
                names = ", ".join(f"`{one}`" for one in known) or "none"
                raise Mismatch(f"unknown field `{name}`, expected {names}").within(name)

    def write(self, value: Any, form: Form, depth: int = 0) -> dict[str, Any]:
        if not isinstance(value, self.made):
            raise wanted(f"a {self.made.__name__}", value)
        inside = _deeper(depth, form)
        return {one.named(form): _write(one.of, one.name, getattr(value, one.name), form, inside) for one in self.fields}


@dataclass(frozen=True)
class Case:
    """A case of a variant: its name in JSON, the class of its values, and what it carries, if anything."""

    name: str
    made: type[Any]
    carried: Type | None
    is_wrapped: bool
    """Whether what it carries is the one field `value` of the class."""


class Variant(Type):
    """One of several cases: a union of dataclasses. One without fields carries nothing, one whose only field is `value` carries that, another one its fields."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = list(cases)
        self.has_text = all(case.carried is None for case in cases)

    def describe(self, place: Place, form: Form) -> Described:
        return ("variant", [(case.name, None if case.carried is None else place(case.carried)) for case in self.cases])

    def _expected(self, value: object) -> Mismatch:
        return wanted(f"one of {', '.join(case.name for case in self.cases)}", value)

    def read(self, said: Any, form: Form) -> Any:
        is_object = isinstance(said, dict) and len(said) == 1
        name = next(iter(said)) if is_object else said
        for case in self.cases:
            if case.name != name or (case.carried is not None) is not is_object:
                continue
            if case.carried is None:
                return _made(case.made, {})
            carried = _read(case.carried, name, said[name], form)
            if not case.is_wrapped:
                return carried
            try:
                return _made(case.made, {"value": carried})
            except Mismatch as mismatch:
                raise mismatch.within(name)
        raise self._expected(said)

    def write(self, value: Any, form: Form, depth: int = 0) -> Any:
        for case in self.cases:
            if type(value) is not case.made:
                continue
            if case.carried is None:
                return case.name
            carried = value.value if case.is_wrapped else value
            return {case.name: _write(case.carried, case.name, carried, form, _deeper(depth, form))}
        raise self._expected(value)


class OneOf(Type):
    """One of several texts: an `Enum`."""

    has_text = True
    names_members = True

    def __init__(self, made: type[Enum]) -> None:
        self.made = made
        if not all(isinstance(one.value, str) for one in made) or len(list(made)) == 0:
            raise TypeError(f"the values of {made.__name__} are texts: they are what JSON says")

    def describe(self, place: Place, form: Form) -> Described:
        return ("variant", [(one.value, None) for one in self.made])

    def annotations(self, form: Form) -> list[Annotation]:
        return _said_of(self.made)

    def read(self, said: Any, form: Form) -> Enum:
        for one in self.made:
            if one.value == said:
                return one
        raise wanted(f"one of {', '.join(one.value for one in self.made)}", said)

    def write(self, value: Any, form: Form, depth: int = 0) -> str:
        if not isinstance(value, self.made):
            raise wanted(f"a {self.made.__name__}", value)
        return str(value.value)

    def what(self) -> str:
        return f"one of {', '.join(one.value for one in self.made)}"


def _made(of: type[Any], values: dict[str, Any]) -> Any:
    """A value of a dataclass, by the names of its fields: it may take them in no other way."""
    try:
        return of(**values)
    except ValueError as error:
        # What its `__post_init__` says is wrong.
        raise Mismatch(reason_of(error)) from None


def _read(of: Type, part: object, said: Any, form: Form) -> Any:
    try:
        return of.read(said, form)
    except Mismatch as mismatch:
        raise mismatch.within(part)


def _write(of: Type, part: object, value: Any, form: Form, depth: int) -> Any:
    try:
        return of.write(value, form, depth)
    except Mismatch as mismatch:
        raise mismatch.within(part)


def default_of(field: "dataclasses.Field[Any]") -> Callable[[], Any] | None:
    """What makes the default of a dataclass's field."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory
    if field.default is not dataclasses.MISSING:
        default = field.default
        return lambda: default
    return None
