"""Which route of a context answers a path, as the host decides it."""

import re
from collections.abc import Sequence
from urllib.parse import unquote

from ..route import Route

_PLACEHOLDER = re.compile(r"\{(\*?)([^}]*)\}")


def _without_host(path: str) -> str:
    return re.sub(r"^//[^/]*", "", path)


def _matched(route: str, path: str) -> list[tuple[str, str]] | None:
    """The values of a route's placeholders in a path; None where it does not fit."""
    names, pattern, at = [], "", 0
    plain = _without_host(route)
    for found in _PLACEHOLDER.finditer(plain):
        names.append(found[2])
        pattern += re.escape(plain[at : found.start()]) + ("(.*)" if found[1] else "([^/]+)")
        at = found.end()
    fits = re.fullmatch(pattern + re.escape(plain[at:]), path)
    return None if fits is None else [(name, unquote(value)) for name, value in zip(names, fits.groups())]


def _openness(route: Route) -> list[int]:
    """How open the segments of a route are: a text, a text with a placeholder in it, a placeholder, all that is left."""

    def one(segment: str) -> int:
        if "{*" in segment:
            return 3
        return 2 if _PLACEHOLDER.fullmatch(segment) else 1 if "{" in segment else 0

    return [one(segment) for segment in _without_host(route.path).split("/")]


def closest(routes: Sequence[Route], method: str, path: str) -> tuple[Route, list[tuple[str, str]]] | None:
    """The closest route for a path, with the values of its placeholders: that whose first segment that differs is less open."""
    fitting = [(route, _matched(route.path, path)) for route in routes if route.method == method]
    found = [(route, values) for route, values in fitting if values is not None]
    return min(found, key=lambda one: _openness(one[0]), default=None)
