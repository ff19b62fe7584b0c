"""What the functions of an interface take and answer, read from its WIT: which integers, above all, since the bindings tell only that it is one.

A type is its name where it is not made of others, else a tuple of what it is and of what: `("list", "u64")`, `("record", {"room-id": "u64"})`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Shape = Any

_COMMENTS = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_GATES = re.compile(r"@[a-z]+\s*\([^)]*\)")
_USES = re.compile(r"\buse\s+([a-z0-9:/%-]+)(?:@[0-9A-Za-z.+-]+?)?\.\{([^}]*)\}\s*;")
_TOKENS = re.compile(r"%?[A-Za-z][A-Za-z0-9-]*|->|[{}()<>,:;=_]")
_MADE = ("list", "option", "tuple", "result")


@dataclass(frozen=True)
class Signature:
    """What a function takes, what it answers, and the cases of its error with what each carries; None where that is nothing."""

    parameters: list[Shape]
    answer: Shape | None
    errors: dict[str, Shape | None]


@dataclass
class _Interface:
    types: dict[str, Callable[[], Shape]] = field(default_factory=dict)
    functions: dict[str, tuple[list[list[str]], list[str]]] = field(default_factory=dict)
    parameters: dict[str, list[str]] = field(default_factory=dict)


class Signatures:
    """The signatures of packages: their WIT texts, by their names."""

    def __init__(self, texts: Mapping[str, Sequence[str]]) -> None:
        self._texts = texts
        self._read: dict[tuple[str, str], _Interface | None] = {}
        self._within: set[tuple[int, str]] = set()

    def of(self, id: str) -> dict[str, Signature]:
        """Those of an interface, by the names of its functions."""
        package, _, name = id.partition("/")
        interface = self._interface(package, name)
        if interface is None:
            return {}
        return {name: self._signature(interface, *parts) for name, parts in interface.functions.items()}

    def parameters_of(self, id: str) -> dict[str, list[str]]:
        """The names of what the functions of an interface take, by the names of the functions."""
        package, _, name = id.partition("/")
        interface = self._interface(package, name)
        return {} if interface is None else interface.parameters

    def _signature(self, interface: _Interface, parameters: list[list[str]], result: list[str]) -> Signature:
        answer = self._shape(interface, result) if result else None
        taken = [self._shape(interface, one) for one in parameters]
        if not isinstance(answer, tuple) or answer[0] != "result":
            return Signature(taken, answer, {})
        _, ok, error = answer
        cases = error[1] if isinstance(error, tuple) and error[0] == "variant" else {}
        return Signature(taken, ok, cases)

    def _interface(self, package: str, name: str) -> _Interface | None:
        if (package, name) not in self._read:
            bodies = [_body(text, name) for text in self._texts.get(package, ())]
            found = [body for body in bodies if body is not None]
            self._read[package, name] = self._parsed(package, found[0]) if found else None
        return self._read[package, name]

    def _parsed(self, package: str, body: str) -> _Interface:
        interface = _Interface()
        for found in _USES.finditer(body):
            inside, _, name = found[1].rpartition("/")
            for used in found[2].split(","):
                original, _, renamed = (part.strip().removeprefix("%") for part in used.partition(" as "))
                if original:
                    interface.types[renamed or original] = self._used(inside or package, name, original)
        tokens = [token.removeprefix("%") for token in _TOKENS.findall(_USES.sub(" ", body))]
        while tokens:
            self._item(interface, tokens)
        return interface

    def _used(self, package: str, name: str, original: str) -> Callable[[], Shape]:
        def shape() -> Shape:
            other = self._interface(package, name.removeprefix("%"))
            return original if other is None or original not in other.types else other.types[original]()

        return shape

    def _item(self, interface: _Interface, tokens: list[str]) -> None:
        word, name = tokens[0], tokens[1] if len(tokens) > 1 else ""
        if name == ":":
            head = _until(tokens, ";")
            # It may be called `func` itself.
            at = head.index("func", 2)
            open_, close = at + 1, _closing(head, at + 1)
            parameters = _split(head[open_ + 1 : close])
            interface.functions[word] = ([one[2:] for one in parameters], head[close + 2 :])
            interface.parameters[word] = [one[0] for one in parameters]
        elif word == "type":
            alias = _until(tokens, ";")[3:]
            interface.types[name] = lambda: self._shape(interface, alias)
        elif word in ("record", "variant", "enum", "flags", "resource"):
            self._declared(interface, word, name, tokens)
        else:
            tokens.pop(0)

    def _declared(self, interface: _Interface, word: str, name: str, tokens: list[str]) -> None:
        if len(tokens) < 3 or tokens[2] != "{":
            _until(tokens, ";")
            return
        close = _closing(tokens, 2)
        parts = _split(tokens[3:close])
        del tokens[: close + 1]
        if word == "record":
            interface.types[name] = lambda: ("record", {one[0]: self._shape(interface, one[2:]) for one in parts})
        elif word == "variant":
            interface.types[name] = lambda: (
                "variant",
                {one[0]: self._shape(interface, one[2:-1]) if len(one) > 1 else None for one in parts},
            )

    def _shape(self, interface: _Interface, tokens: list[str]) -> Shape:
        # A type of an interface may have the name of one that is made of others, with a `%` before it.
        if tokens[1:2] != ["<"] and tokens[0] in interface.types:
            # Of one that has itself in it, whoever makes the component says so.
            place = (id(interface), tokens[0])
            if place in self._within:
                return tokens[0]
            self._within.add(place)
            try:
                return interface.types[tokens[0]]()
            finally:
                self._within.discard(place)
        name, arguments = tokens[0], [self._shape(interface, one) for one in _split(tokens[2:-1])]
        if name == "result":
            ok, error = [*arguments, None, None][:2]
            return ("result", ok, error)
        if name == "tuple":
            return ("tuple", arguments)
        if name in _MADE:
            return (name, *arguments)
        if name == "_":
            return None
        return name


def _body(text: str, interface: str) -> str | None:
    """What lies between the braces of an interface."""
    plain = _GATES.sub(" ", _COMMENTS.sub(" ", text))
    found = re.search(rf"\binterface\s+%?{re.escape(interface)}\s*\{{", plain)
    if found is None:
        return None
    depth = 1
    for at in range(found.end(), len(plain)):
        depth += {"{": 1, "}": -1}.get(plain[at], 0)
        if depth == 0:
            return plain[found.end() : at]
    return plain[found.end() :]


def _until(tokens: list[str], end: str) -> list[str]:
    """Takes the tokens up to one, and that."""
    at = tokens.index(end) if end in tokens else len(tokens)
    head = tokens[:at]
    del tokens[: at + 1]
    return head


def _closing(tokens: list[str], start: int) -> int:
    """Where the bracket that is opened here is closed."""
    depth = 0
    for at in range(start, len(tokens)):
        depth += {"{": 1, "(": 1, "<": 1, "}": -1, ")": -1, ">": -1}.get(tokens[at], 0)
        if depth == 0:
            return at
    return len(tokens)


def _split(tokens: list[str]) -> list[list[str]]:
    """The parts between the commas that are within no brackets."""
    parts: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += {"{": 1, "(": 1, "<": 1, "}": -1, ")": -1, ">": -1}.get(token, 0)
        if token == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]
