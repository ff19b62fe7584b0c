"""Values that cross to another context, with bindings as componentize-py makes them."""

from dataclasses import dataclass, make_dataclass
from enum import Enum, Flag, auto
from typing import Any, Generic, Optional, TypeVar, Union

import pytest
from innkeeper.component import _parameters_of
from innkeeper.crossing import bounded, fitted
from innkeeper.names import kebab_of_class


@dataclass
class Room:
    number: int
    names: list[str]


@dataclass
class RoomError_Gone:
    pass


@dataclass
class RoomError_Taken:
    value: Room


RoomError = Union[RoomError_Gone, RoomError_Taken]


class Floor(Enum):
    LOW = 0
    HIGH = 1


class Served(Flag):
    LOW = auto()
    HIGH = auto()


S = TypeVar("S")
E = TypeVar("E")


@dataclass
class Some(Generic[S]):
    value: S


@dataclass
class Ok(Generic[S]):
    value: S


@dataclass(frozen=True)
class Err(Generic[E], Exception):
    value: E


Result = Union[Ok[S], Err[E]]


@dataclass
class Found:
    room: Result[int, str]


@dataclass(frozen=True)
class OwnRoom:
    number: int
    names: tuple[str, ...]
    more: str = ""


class OwnFloor(Enum):
    LOW = "low"
    CELLAR = "cellar"


class OwnServed(Flag):
    HIGH = auto()
    LOW = auto()
    CELLAR = auto()


def own(name: str, value: Any) -> Any:
    """A value of a class of this name, which is not that of the bindings."""
    return make_dataclass(name, ["value"], frozen=True)(value)


@dataclass(frozen=True)
class Taken:
    value: OwnRoom


@dataclass(frozen=True)
class Gone:
    pass


@dataclass(frozen=True)
class OwnFound:
    room: Any


ROOM = ("record", {"number": "u8", "names": ("list", "string")})


@pytest.mark.parametrize(
    ("value", "hint", "wanted"),
    [
        (7, int, 7),
        (7, float, 7.0),
        ("a", str, "a"),
        (None, None, None),
        (None, Optional[int], None),
        (7, Optional[int], 7),
        ((1, 2), list[int], [1, 2]),
        ((1, "a"), tuple[int, str], (1, "a")),
        (OwnRoom(1, ("a",)), Room, Room(1, ["a"])),
        (Taken(OwnRoom(1, ())), RoomError, RoomError_Taken(Room(1, []))),
        (Gone(), RoomError, RoomError_Gone()),
        (OwnFloor.LOW, Floor, Floor.LOW),
        (OwnServed.LOW, Served, Served.LOW),
        (OwnServed.LOW | OwnServed.HIGH, Served, Served.LOW | Served.HIGH),
        (OwnServed(0), Served, Served(0)),
        (own("Some", 7), Optional[Some[int]], Some(7)),
        (own("Some", None), Optional[Some[Optional[int]]], Some(None)),
        (None, Optional[Some[Optional[int]]], None),
        (own("Ok", (1, 2)), Result[list[int], str], Ok([1, 2])),
        (own("Err", "a"), Result[list[int], str], Err("a")),
        (own("Ok", None), Result[None, None], Ok(None)),
        (OwnFound(own("Ok", 7)), Found, Found(Ok(7))),
    ],
)
def test_what_fits_becomes_what_the_bindings_take(value: Any, hint: Any, wanted: Any) -> None:
    assert fitted(value, hint) == wanted


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (True, int),
        (7.0, int),
        ("7", int),
        (7, str),
        (7, None),
        ("half \ud800", str),
        ("a", bytes),
        ("ab", list[str]),
        ((1,), tuple[int, int]),
        (None, int),
        (object(), Room),
        (OwnRoom("1", ()), Room),  # type: ignore[arg-type]
        (OwnRoom(1, ()), RoomError),
        (OwnFloor.CELLAR, Floor),
        ("LOW", Floor),
        (OwnServed.LOW | OwnServed.CELLAR, Served),
        (OwnFloor.LOW, Served),
        (7, Optional[Some[int]]),
        (own("Some", "7"), Optional[Some[int]]),
        (own("Ok", 7), Optional[Some[int]]),
        (own("Ok", "7"), Result[int, str]),
        (own("Err", 7), Result[int, str]),
        (7, Result[int, str]),
        (OwnFound(7), Found),
    ],
)
def test_what_does_not_fit_is_an_exception_before_it_is_a_trap(value: Any, hint: Any) -> None:
    with pytest.raises(ValueError):
        fitted(value, hint)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (256, "u8"),
        (-1, "u64"),
        (2**64, "u64"),
        (2**63, "s64"),
        (-(2**63) - 1, "s64"),
        ("ab", "char"),
        ("", "char"),
        ([1, 256], ("list", "u8")),
        (256, ("option", "u8")),
        ((1, 256), ("tuple", ["u8", "u8"])),
        (Room(256, []), ROOM),
        (RoomError_Taken(Room(256, [])), ("variant", {"gone": None, "taken": ROOM})),
    ],
)
def test_an_integer_is_as_large_as_the_interface_has_it(value: Any, shape: Any) -> None:
    with pytest.raises(ValueError, match="is no"):
        bounded(value, shape)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (255, "u8"),
        (2**64 - 1, "u64"),
        (-(2**63), "s64"),
        ("🛏", "char"),
        (b"\xff", ("list", "u8")),
        (None, ("option", "u8")),
        (RoomError_Gone(), ("variant", {"gone": None, "taken": ROOM})),
        (RoomError_Taken(Room(1, [])), ("variant", {"gone": None, "taken": ROOM})),
        (None, None),
    ],
)
def test_what_is_as_large_is_left_as_it_is(value: Any, shape: Any) -> None:
    assert bounded(value, shape) == value


def test_a_case_whose_name_is_a_word_of_python_is_known_by_its_name_in_wit() -> None:
    names = {"None_": "none", "True_": "true", "NotFound": "not-found", "Http2": "http2"}
    assert {name: kebab_of_class(name) for name in names} == names


def test_all_that_a_function_takes_is_given_whatever_it_is_called() -> None:
    def import_(from_: int, self: str, return_: bytes) -> float: ...

    assert _parameters_of(import_) == [int, str, bytes]
