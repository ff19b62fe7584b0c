"""What rows are found by, and how that is written, so that the order of the texts is the order of the keys (docs/state.md)."""

import re
import typing
from typing import Any

from .problem import Fault
from .text import is_well_formed, text_of
from .values import Type, type_of
from .values.scalars import Integer, Text

_END = "\u0001"
_ESCAPE = "\u0002"
_HEXADECIMAL = re.compile(r"[0-9a-f]{16}")

Part = Integer | Text


def _is_part(of: Type) -> typing.TypeGuard[Part]:
    if isinstance(of, Integer):
        return of.name in ("u8", "u16", "u32", "u64")
    return type(of) is Text and of.most is None


def _escaped(text: str) -> str:
    return re.sub("[\u0000-\u0002]", lambda found: _ESCAPE + str(ord(found[0])), text)


def _write_part(part: Part, value: object) -> str:
    if isinstance(part, Text):
        if not isinstance(value, str):
            raise Fault(f"a key is a text here, not {type(value).__name__}")
        if not is_well_formed(value):
            raise Fault("a key has half a surrogate pair, which is no character")
        return value
    if type(value) is not int or not part.least <= value <= part.most:
        raise Fault(f"a key is a whole number ({part.name}) here, not {text_of(value)}")
    return f"{value:016x}"


def _write_before(part: Part, value: object) -> str:
    written = _write_part(part, value)
    return _escaped(written) + _END if isinstance(part, Text) else f"{written}/"


def _read_part(part: Part, text: str, is_last: bool) -> tuple[object, str] | None:
    """A part's value, and what is left of the text; None where it is no such part."""
    if isinstance(part, Text):
        if is_last:
            return text, ""
        value, end, left = text.partition(_END)
        if not end:
            return None
        return re.sub(f"{_ESCAPE}([012])", lambda found: chr(int(found[1])), value), left
    digits, left = text[:16], text[16:]
    if not _HEXADECIMAL.fullmatch(digits) or (left != "" if is_last else left[:1] != "/"):
        return None
    number = int(digits, 16)
    return (number, left[1:]) if number <= part.most else None


class Key:
    """The key of a table: `U64` or another unsigned number, `str`, or a tuple of up to three of these."""

    def __init__(self, hint: Any) -> None:
        self.is_tuple = typing.get_origin(hint) is tuple
        parts = [type_of(part) for part in (typing.get_args(hint) if self.is_tuple else (hint,))]
        self.parts = [part for part in parts if _is_part(part)]
        if len(self.parts) < len(parts) or not 1 <= len(parts) <= 3:
            raise TypeError("a key is U8 to U64, str, or a tuple of up to three of these")

    def describe(self) -> list[str]:
        """What it is made of, for the description."""
        return ["text" if isinstance(part, Text) else "number" for part in self.parts]

    def write(self, key: Any) -> str:
        """The key's text."""
        values = key if self.is_tuple else (key,)
        if not isinstance(values, tuple) or len(values) != len(self.parts):
            raise Fault(f"a key has {len(self.parts)} parts here")
        before = [_write_before(part, value) for part, value in zip(self.parts[:-1], values)]
        return "".join(before) + _write_part(self.parts[-1], values[-1])

    def beginning(self, first: object) -> str:
        """The beginning of all keys whose first part is this."""
        if len(self.parts) < 2:
            raise TypeError("the key has one part only")
        return _write_before(self.parts[0], first)

    def read(self, text: str) -> Any:
        """The key of a text; raises ValueError where it is none."""
        values, left = [], text
        for index, part in enumerate(self.parts):
            read = _read_part(part, left, index == len(self.parts) - 1)
            if read is None:
                raise ValueError("it is no key of the table")
            values.append(read[0])
            left = read[1]
        return tuple(values) if self.is_tuple else values[0]
