"""What all types have in common.

A value is written in one of three forms. In the state it is as docs/state.md says, so that versions in any language read it. In events and answers it is as serde
writes it in Rust: integers are numbers of any size, and the keys of maps are members. A body is read like that, and strictly: nothing that nobody reads, no text for a
number, and no longer than it may be.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import Enum
from typing import Any

from ..text import is_well_formed

Described = tuple[str, Any]
"""A type for the description: what `data-type` of the contract calls its case, and what that carries."""

Annotation = tuple[str, Any]
"""What is said of a type besides what it is made of: what `annotation` of the contract calls its case, and what that carries."""

Place = Callable[["Type"], int]
"""Gives the place of a type in the description."""

_SHOWN = 100
"""How much of a text is repeated to whoever sent it."""


class Form(Enum):
    """How values are written."""

    STATE = "state"
    EVENT = "event"
    BODY = "body"


class Mismatch(Exception):
    """A value that is not of its type, and where."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.path: list[str] = []

    def within(self, part: object) -> Mismatch:
        """The same, in a part of something larger."""
        self.path.insert(0, str(part))
        return self

    @property
    def pointer(self) -> str:
        """Where it is: a JSON pointer (RFC 6901)."""
        return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in self.path)


def mismatch_text(mismatch: Mismatch) -> str:
    """What does not fit, with where it is."""
    return f"{mismatch.pointer[1:]}: {mismatch.detail}" if mismatch.path else mismatch.detail


def _shown(value: object) -> str:
    if isinstance(value, str):
        is_long = len(value) > _SHOWN
        said = json.dumps(value[:_SHOWN], ensure_ascii=not is_well_formed(value))
        return f"the text {said}{'…' if is_long else ''}"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return "a list" if isinstance(value, (list, tuple)) else "an object"


def wanted(what: str, value: object) -> Mismatch:
    """A value that is not what was wanted."""
    return Mismatch(f"invalid value: {_shown(value)}, expected {what}")


class Type:
    """A type of values. Each kind says how it is described, read and written.

    It is no ABC: to ask of what kind a value is would go through tables of weak references, which an interpreter that is copied for each invocation fills each time.
    """

    takes_null = False
    """Whether `null` is one of its values."""
    has_text = False
    """Whether each of its values has a text outside of JSON, in which there is no other one."""
    keywords: "tuple[Annotation, ...]" = ()
    """What its hint says of it in keywords of JSON Schema."""
    names_members = False
    """Whether its values have a text that can be the name of a member: only then it is the key of a map outside the state."""

    def describe(self, place: Place, form: Form) -> Described:
        """For the description."""
        raise NotImplementedError

    def annotations(self, form: Form) -> list[Annotation]:
        """What is said of it besides, for the documents of the app."""
        return []

    def read(self, said: Any, form: Form) -> Any:
        """The value of what JSON says."""
        raise NotImplementedError

    def write(self, value: Any, form: Form, depth: int = 0) -> Any:
        """What JSON says of a value."""
        raise NotImplementedError

    def read_text(self, text: str) -> Any:
        """The value of a text outside of JSON: in a path, a query, the configuration, the name of a member."""
        return self.read(text, Form.BODY)

    def write_text(self, value: Any) -> str:
        """The text of a value that names a member."""
        return str(self.write(value, Form.EVENT))

    def what(self) -> str:
        """What a text must be, for whoever sent another."""
        return "what is expected here"
