"""Types that are not made of others."""

import base64
import binascii
import math
import re
import struct
from typing import Any

from ..text import is_well_formed
from .kind import Annotation, Described, Form, Mismatch, Place, Type, wanted

_SAFE = 2**53
"""From here on an integer is a text of its digits in the state, as RFC 7493 advises."""
_DIGITS = re.compile(r"-?[0-9]{1,39}")
_CANONICAL = re.compile(r"0|-?[1-9][0-9]{0,38}")
"""The one text of a whole number."""
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""A number as JSON writes it: no other base, no name, nothing around it."""


class Scalar(Type):
    """A type that is not made of others."""

    name: str
    has_text = True

    def describe(self, place: Place, form: Form) -> Described:
        return ("scalar", self.name)


class Unit(Scalar):
    """One value only: `None`."""

    name = "unit"
    takes_null = True
    has_text = False

    def read(self, said: Any, form: Form) -> None:
        if said is not None:
            raise wanted("null", said)

    def write(self, value: Any, form: Form, depth: int = 0) -> None:
        if value is not None:
            raise wanted("null", value)


class Bool(Scalar):
    """True or false."""

    name = "bool"
    names_members = True

    def read(self, said: Any, form: Form) -> bool:
        if not isinstance(said, bool):
            raise wanted("true or false", said)
        return said

    def write(self, value: Any, form: Form, depth: int = 0) -> bool:
        return self.read(value, form)

    def read_text(self, text: str) -> bool:
        if text not in ("true", "false"):
            raise wanted("true or false", text)
        return text == "true"

    def write_text(self, value: Any) -> str:
        return "true" if self.write(value, Form.EVENT) else "false"

    def what(self) -> str:
        return "true or false"


class Integer(Scalar):
    """An integer of so many bits: `u8` to `u128`, `s8` to `s128`."""

    names_members = True

    def __init__(self, name: str) -> None:
        self.name = name
        bits = int(name[1:])
        is_signed = name[0] == "s"
        self.least: int = -(1 << (bits - 1)) if is_signed else 0
        self.most: int = (1 << (bits - 1 if is_signed else bits)) - 1

    def read(self, said: Any, form: Form) -> int:
        value = said
        if form is not Form.BODY and isinstance(said, str) and _DIGITS.fullmatch(said):
            value = int(said)
        return self._fitting(value)

    def write(self, value: Any, form: Form, depth: int = 0) -> int | str:
        fitting = self._fitting(value)
        return str(fitting) if form is Form.STATE and abs(fitting) >= _SAFE else fitting

    def read_text(self, text: str) -> int:
        if not _CANONICAL.fullmatch(text):
            raise wanted("a whole number", text)
        return self._fitting(int(text))

    def what(self) -> str:
        return "a whole number"

    def _fitting(self, value: Any) -> int:
        if type(value) is not int or not self.least <= value <= self.most:
            raise wanted(f"a whole number ({self.name})", value)
        return value


_ODD = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Float(Scalar):
    """A floating-point number. Outside of the state it is finite."""

    def __init__(self, name: str) -> None:
        self.name = name

    def read(self, said: Any, form: Form) -> float:
        if form is Form.STATE and isinstance(said, str) and said in _ODD:
            return _ODD[said]
        return self._nearest(said)

    def write(self, value: Any, form: Form, depth: int = 0) -> float | str:
        if isinstance(value, float) and not math.isfinite(value):
            odd = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
            if form is Form.STATE:
                return odd
            raise Mismatch(f"{odd} cannot be told as JSON")
        return self._nearest(value)

    def read_text(self, text: str) -> float:
        if not _DECIMAL.fullmatch(text):
            raise wanted("a number", text)
        return self._nearest(float(text))

    def what(self) -> str:
        return "a number"

    def _nearest(self, value: Any) -> float:
        """The nearest one that there is. One that is too large is not turned into an infinite one."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise wanted(f"a number ({self.name})", value)
        try:
            near = float(value)
            if self.name == "f32":
                near = float(struct.unpack("<f", struct.pack("<f", near))[0])
        except OverflowError:
            near = math.inf
        if not math.isfinite(near):
            raise Mismatch(f"the number is larger than an {self.name} can be")
        return near


def _well_formed(value: Any) -> str:
    if not isinstance(value, str):
        raise wanted("a text", value)
    if not is_well_formed(value):
        raise Mismatch("the text has half a surrogate pair, which is no character")
    return value


class Text(Scalar):
    """A text; with `most` one that is not blank and has at most so many characters, in a body and when it is written.

    What is there already is read however long it is, since it may have been allowed to be.
    """

    name = "string"
    names_members = True

    def __init__(self, most: int | None = None) -> None:
        self.most = most

    def annotations(self, form: Form) -> list[Annotation]:
        # The contract has bounds of 64 bits, and none that nothing fits into.
        if self.most is None or not 1 <= self.most < 2**63:
            return []
        return [("length", (1, self.most)), ("pattern", r"\S")]

    def read(self, said: Any, form: Form) -> str:
        text = _well_formed(said)
        return self._fitting(text) if form is Form.BODY else text

    def write(self, value: Any, form: Form, depth: int = 0) -> str:
        return self._fitting(_well_formed(value))

    def what(self) -> str:
        return "a text" if self.most is None else f"a text that is not blank and has at most {self.most} characters"

    def _fitting(self, text: str) -> str:
        if self.most is None:
            return text
        if text.strip() == "":
            raise Mismatch("must not be blank")
        if len(text) > self.most:
            raise Mismatch(f"must have at most {self.most} characters")
        return text


class Char(Scalar):
    """A text of one character."""

    name = "char"
    names_members = True

    def read(self, said: Any, form: Form) -> str:
        text = _well_formed(said)
        if len(text) != 1:
            raise wanted("one character", said)
        return text

    def write(self, value: Any, form: Form, depth: int = 0) -> str:
        return self.read(value, form)


class Bytes(Scalar):
    """Bytes: Base64 in JSON (RFC 4648, section 4, with padding)."""

    name = "bytes"

    def read(self, said: Any, form: Form) -> bytes:
        if isinstance(said, str):
            try:
                read = base64.b64decode(said, validate=True)
            except (binascii.Error, ValueError):
                raise wanted("bytes in Base64", said) from None
            # What the padding leaves over must be nothing: each value has one text.
            if base64.b64encode(read).decode("ascii") == said:
                return read
        raise wanted("bytes in Base64", said)

    def write(self, value: Any, form: Form, depth: int = 0) -> str:
        if not isinstance(value, bytes):
            raise wanted("bytes", value)
        return base64.b64encode(value).decode("ascii")
