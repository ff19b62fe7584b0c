"""What every answer has, whoever made it: it is looked at where an exception is still one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .text import text_of, to_well_formed


@dataclass
class Response:
    """An answer as the host takes it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def checked_status(what: str, least: int, status: object) -> int:
    """A status, if it is one from the least on."""
    if type(status) is not int or not least <= status <= 599:
        raise ValueError(f"{what} has a status from {least} to 599, not {text_of(status)}")
    return status


Headers = Mapping[str, object]
"""Headers by their names. A list or a tuple has several values: each is a header of that name."""


def header_list(headers: Headers) -> list[tuple[str, str]]:
    """Headers as the host takes them."""
    return [(to_well_formed(name.lower()), text_of(value)) for name, given in headers.items() for value in _values(given)]


def _values(given: object) -> Sequence[object]:
    return given if isinstance(given, (list, tuple)) else [given]
