"""What tables keep, events tell and bodies hold: types that describe themselves to the host, and read and write JSON."""

from typing import Any

from ..json_text import NotJson, decode_json, dump_json
from ..problem import Fault
from .compound import Struct
from .hints import type_of
from .kind import Form, Mismatch, Type, mismatch_text
from .types import Types

__all__ = ["Form", "Mismatch", "Type", "Types", "encode", "mismatch_text", "parse", "type_of", "written_outside"]


def encode(of: Type, value: Any, form: Form, what: str) -> bytes:
    """The JSON of a value, as the state or an event has it."""
    try:
        return dump_json(of.write(value, form))
    except Mismatch as mismatch:
        raise Fault(f"{what}: {mismatch_text(mismatch)}") from None


def parse(of: Type, stored: bytes, what: str) -> Any:
    """The value of bytes in the state."""
    try:
        return of.read(decode_json(stored), Form.STATE)
    except NotJson as error:
        raise Fault(f"{what}: it is not JSON: {error}") from None
    except Mismatch as mismatch:
        raise Fault(f"{what}: {mismatch_text(mismatch)}") from None


def written_outside(value: Any) -> Any:
    """A dataclass as JSON has it in answers."""
    of = type_of(type(value))
    if not isinstance(of, Struct):
        raise TypeError(f"{type(value).__name__} is no record")
    try:
        return of.write(value, Form.EVENT)
    except Mismatch as mismatch:
        raise Fault(f"a {type(value).__name__} cannot be told: {mismatch_text(mismatch)}") from None
