"""What is said of types in the code: `U64`, `Annotated[str, UpTo(500)]`, `Annotated[U64, Stored("id")]`."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from ..names import camel_case

T = TypeVar("T")
Made = TypeVar("Made", bound=type)


@dataclass(frozen=True)
class Named:
    """The name of the scalar of the contract that a type is."""

    scalar: str


U8 = Annotated[int, Named("u8")]
"""An unsigned integer of 8 bits."""
U16 = Annotated[int, Named("u16")]
"""An unsigned integer of 16 bits."""
U32 = Annotated[int, Named("u32")]
"""An unsigned integer of 32 bits."""
U64 = Annotated[int, Named("u64")]
"""An unsigned integer of 64 bits."""
U128 = Annotated[int, Named("u128")]
"""An unsigned integer of 128 bits."""
S8 = Annotated[int, Named("s8")]
"""A signed integer of 8 bits."""
S16 = Annotated[int, Named("s16")]
"""A signed integer of 16 bits."""
S32 = Annotated[int, Named("s32")]
"""A signed integer of 32 bits."""
S64 = Annotated[int, Named("s64")]
"""A signed integer of 64 bits."""
S128 = Annotated[int, Named("s128")]
"""A signed integer of 128 bits."""
F32 = Annotated[float, Named("f32")]
"""A floating-point number of 32 bits; `float` has 64."""
Char = Annotated[str, Named("char")]
"""A text of one character."""


@dataclass(frozen=True)
class UpTo:
    """A text that is not blank and has at most so many characters, in a body and when it is written: `Annotated[str, UpTo(500)]`."""

    most: int


@dataclass(frozen=True)
class Stored:
    """The name of a field in the state, where that is another than in the code."""

    name: str


@dataclass(frozen=True)
class Outside:
    """The name of a field in requests, answers and events, or of a parameter in the path or the query, where that is another than in the code."""

    name: str


class Keyword:
    """A keyword of JSON Schema 2020-12 or OpenAPI, for the documents of the app: `Annotated[str, Keyword("format", "email")]`. It is told, and checks nothing."""

    def __init__(self, name: str, value: Any) -> None:
        if _KEYWORD.fullmatch(name) is None:
            raise TypeError(f"a keyword is letters, digits and hyphens, at most 64, not {name!r}")
        self.name = name
        # A hint has a hash, also where the value has none.
        self.json = json.dumps(value, allow_nan=False)


_KEYWORD = re.compile("[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True)
class Some(Generic[T]):
    """A value that is there, where `None` is one of the values already: `Some[U8 | None] | None`."""

    value: T


_NAMING = "__innkeeper_naming__"
_NAME = "__innkeeper_name__"


def in_camel_case(made: Made) -> Made:
    """The fields of this dataclass are in camel case in requests, answers and events: `room_id` is `roomId`. In the state they stay as they are."""
    setattr(made, _NAMING, camel_case)
    return made


def case_name(name: str) -> Callable[[Made], Made]:
    """The name of this dataclass as a case of a variant, where that is another than in the code."""

    def named(made: Made) -> Made:
        setattr(made, _NAME, name)
        return made

    return named


def naming_of(made: type[Any]) -> Callable[[str], str]:
    """How the fields of a dataclass are named outside."""
    naming: Callable[[str], str] = vars(made).get(_NAMING, str)
    return naming


def name_of_case(made: type[Any]) -> str:
    """The name of a dataclass as a case of a variant."""
    name: str = vars(made).get(_NAME, made.__name__)
    return name
