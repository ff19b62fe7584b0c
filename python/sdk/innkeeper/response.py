"""What every answer has, whoever made it: it is looked at where an exception is still one."""

from collections.abc import Mapping
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


def header_list(headers: Mapping[str, object]) -> list[tuple[str, str]]:
    """Headers as the host takes them."""
    return [(to_well_formed(name.lower()), text_of(value)) for name, value in headers.items()]
