"""Imports what the standard library itself imports no sooner than when one of its functions runs: `Counter.most_common` imports `heapq`, and `strptime` imports `_strptime`.

A component has no files to import from later. So what the modules of a context could need is imported when it is made: all that the functions of the standard library's modules import which
the context has imported, and of those which each component has, as little uses most of them, what the functions import that the context's sources name. The same goes for encodings.
"""

import codecs
import dis
import encodings
import encodings.aliases
import importlib
import os
import re
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

_BEFORE = frozenset(sys.modules)
"""What each component has: this is imported before the context."""

_BY_WORDS = {
    "strptime": ["_strptime"],
    "namereplace": ["unicodedata"],
    "unicode_escape": ["unicodedata"],
    "urllib": ["unicodedata"],
    "re": ["unicodedata"],
    "set_int_max_str_digits": ["_pylong"],
    "minidom": ["xml.dom.minidom"],
    "sax": ["xml.sax.expatreader"],
    "zoneinfo": ["importlib.resources"],
    "zipfile": ["encodings.cp437"],
    "plistlib": ["encodings.utf_16_be"],
    "pickle": ["encodings.raw_unicode_escape"],
    "email": ["encodings.raw_unicode_escape"],
}
"""What is imported where no function shows it, in C or by a name that is put together, or where those that do are called by others; by a word of the sources."""

_USES_ENCODINGS = {"encode", "decode", "encoding", "charset", "codecs", "email"}
_COMMON = [
    *("ascii", "latin-1", "iso8859-15", "cp1252", "utf-8-sig"),
    *(f"utf-{bits}{order}" for bits in (16, 32) for order in ("", "-le", "-be")),
]
"""The encodings of texts of which whoever sends them says what they are encoded in."""

_OF_NO_USE = {
    *("argparse", "getopt", "optparse", "pydoc", "pdb", "doctest", "unittest", "tkinter", "turtle", "idlelib"),
    *("_pyrepl", "readline", "rlcompleter", "sitecustomize", "usercustomize", "pwd", "grp", "webbrowser"),
    *("subprocess", "threading", "multiprocessing", "concurrent", "asyncio", "ctypes"),
    *("socket", "socketserver", "ssl", "select", "selectors", "smtplib", "ftplib", "http.client", "http.server", "urllib.request", "urllib.error"),
    *("shutil", "tarfile", "zipfile", "tempfile", "runpy", "py_compile", "importlib.metadata", "importlib.readers", "importlib.util"),
    *("dbm", "pickle", "tracemalloc"),
}
"""What a component has no use for: processes, threads, sockets, files, terminals."""

_WORDS = re.compile(r"\w+")
_QUOTED = re.compile("[\"']([A-Za-z][A-Za-z0-9_. -]{1,30})[\"']")
_IMPORT = dis.opmap["IMPORT_NAME"]


def load() -> None:
    """Imports it."""
    sources = "\n".join(_sources())
    words = set(_WORDS.findall(sources))
    for word, names in _BY_WORDS.items():
        if word in words:
            for name in names:
                _try(lambda: importlib.import_module(name))
    named = _encodings_in(sources)
    # One is written in the other.
    for name in [*named, *(["punycode"] if "idna" in named else []), *(_COMMON if words & _USES_ENCODINGS else [])]:
        _try(lambda: codecs.lookup(name))
    seen: set[str] = set()
    # What is imported may itself import more.
    while loaded := [name for name in list(sys.modules) if name not in seen and _is_of_python(name)]:
        seen.update(loaded)
        for name in loaded:
            for function in _functions(vars(sys.modules[name]), name, set()):
                if name not in _BEFORE or words & set(function.__qualname__.split(".")):
                    for wanted in _imports_in(function.__code__):
                        _try(lambda: _import(function.__globals__, *wanted))


def _is_of_python(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names and isinstance(sys.modules.get(module), types.ModuleType)


def _sources() -> Iterator[str]:
    """The texts of the modules that are neither Python's, nor the SDK's, nor of the component itself."""
    for name, module in list(sys.modules.items()):
        file = _part(module, "__file__")
        if not isinstance(file, str) or name in _BEFORE or _is_of_python(name) or name.partition(".")[0] in ("innkeeper", __name__):
            continue
        try:
            with open(file, encoding="utf-8") as opened:
                yield opened.read()
        except (OSError, ValueError):
            pass


def _encodings_in(sources: str) -> list[str]:
    """The encodings that sources name."""
    known = {*encodings.aliases.aliases, *(name.removesuffix(".py") for folder in encodings.__path__ for name in os.listdir(folder))}
    return sorted({name for name in _QUOTED.findall(sources) if encodings.normalize_encoding(name).lower() in known})


def _functions(members: Any, module: str, seen: set[int]) -> Iterator[types.FunctionType]:
    """The functions of a module, and of its classes."""
    for member in list(members.values()):
        # Within classes, properties and what decorators have made of functions.
        parts = [member, *(_part(member, name) for name in ("__func__", "__wrapped__", "fget", "func"))]
        for part in parts:
            if _part(part, "__module__") != module or id(part) in seen:
                continue
            seen.add(id(part))
            if isinstance(part, types.FunctionType):
                yield part
            elif isinstance(part, type):
                yield from _functions(vars(part), module, seen)


def _part(of: Any, name: str) -> Any:
    """An attribute of whatever object: some raise what they like when they are asked."""
    try:
        return getattr(of, name, None)
    except Exception:
        return None


def _imports_in(code: types.CodeType) -> Iterator[tuple[str, Any, int]]:
    """What the statements of a function import: the name, what of it, and how far up."""
    if _IMPORT in code.co_code[::2]:
        level, from_list = None, None
        for one in dis.get_instructions(code):
            if one.opname == "IMPORT_NAME":
                yield str(one.argval), from_list, level if isinstance(level, int) else 0
            level, from_list = from_list, one.argval
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _imports_in(inner)


def _import(within: dict[str, Any], name: str, from_list: Any, level: int) -> None:
    above = str(within["__package__"]).split(".")
    whole = ".".join([*above[: len(above) + 1 - level], *filter(None, [name])]) if level else name
    if not any(whole == one or whole.startswith(f"{one}.") for one in _OF_NO_USE):
        __import__(name, within, None, from_list if isinstance(from_list, tuple) else (), level)


def _try(run: Callable[[], object]) -> None:
    """What is not there is not there for whoever imports it later, either."""
    try:
        run()
    except Exception:
        pass
