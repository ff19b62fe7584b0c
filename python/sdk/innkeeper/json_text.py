"""JSON from outside and to it: bounded in depth, and of nothing that JSON has no word for."""

import base64
import dataclasses
import json
import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from .immediate import refuse_later

_DEEPEST = 127
"""How deep arrays and objects may lie in each other, as in Rust: what takes them apart needs as many calls."""

_DIGITS = 39
"""As many digits as an integer of 128 bits can have. Longer ones fit into none, and would take long to read."""

_STRINGS = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""Texts; one that does not end goes to the end, so that nothing is looked at twice."""


class NotJson(ValueError):
    """A text that is no JSON."""


def _refuse_deep(text: str) -> None:
    if text.count("[") + text.count("{") <= _DEEPEST:
        return
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", _STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > _DEEPEST:
            raise NotJson(f"its parts lie more than {_DEEPEST} deep in each other")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS + 1 else float(digits)


def _no_constant(name: str) -> Any:
    raise NotJson(f"{name} is no JSON")


def parse_json(text: str) -> Any:
    """The value of a JSON text. Integers keep all their digits."""
    _refuse_deep(text)
    try:
        return json.loads(text, parse_int=_integer, parse_constant=_no_constant)
    except NotJson:
        raise
    except ValueError as error:
        raise NotJson(str(error)) from None


def decode_json(data: bytes) -> Any:
    """The value of JSON in UTF-8."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise NotJson("it is not UTF-8") from None
    return parse_json(text)


def _said(value: Any) -> Any:
    """A value as the library takes it: bytes are Base64, a record is an object with its names outside."""
    if value is None or isinstance(value, (bool, int, float, str)) and not isinstance(value, Enum):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Enum):
        return _said(value.value)
    if isinstance(value, dict):
        return _said_members(value)
    if isinstance(value, (list, tuple)):
        return [_said(part) for part in value]
    own = getattr(type(value), "to_json", None)
    if own is not None:
        return _said(own(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # Not above: records are made of values that are written here.
        from .values import written_outside

        return written_outside(value)
    # Last, as it looks for the methods of a mapping in each class that it has not seen.
    if isinstance(value, Mapping):
        return _said_members(value)
    refuse_later("a part of the answer", value)
    raise TypeError(f"{type(value).__name__} has no JSON: make a dataclass, dict, list, text or number of it")


def _said_members(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {_name(name): _said(part) for name, part in value.items()}


def _name(name: object) -> str:
    if isinstance(name, Enum):
        return _name(name.value)
    if isinstance(name, bool):
        return "true" if name else "false"
    if not isinstance(name, (str, int)):
        raise TypeError(f"the name of a member is a text, not {type(name).__name__}")
    return str(name)


def dump_json(said: Any) -> bytes:
    """JSON of what has a word in it."""
    try:
        text = json.dumps(said, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        found = _infinite_in(said)
        if found is None:
            raise
        place, number = found
        raise ValueError(f"the number at {place or 'the top'} is {number}, which has no word in JSON: put None there, or a text") from None
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        # Half a surrogate pair has an escape in JSON.
        return json.dumps(said, allow_nan=False, separators=(",", ":")).encode("ascii")


def _infinite_in(said: Any) -> tuple[str, float] | None:
    """Where the first number is that is infinite, or none: a JSON pointer (RFC 6901)."""
    if isinstance(said, float):
        return None if math.isfinite(said) else ("", said)
    members = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    for name, part in members:
        found = _infinite_in(part)
        if found is not None:
            return f"/{str(name).replace('~', '~0').replace('/', '~1')}{found[0]}", found[1]
    return None


def encode_json(value: Any) -> bytes:
    """A value as JSON."""
    return dump_json(_said(value))
