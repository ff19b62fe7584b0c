"""Texts of whatever it may be: anything can be raised, logged, or given as a header."""

import inspect
import re
from types import TracebackType

_HALVES = re.compile("[\ud800-\udfff]")

DEEPEST = 30
"""How many of the innermost places of an exception are said."""
_DEEPEST_OF_CAUSES = 5
"""How many of what led to it."""
_MOST_REASONS = 3
"""How many of a group are told for a reason, which is one line."""
_MOST_ERRORS = 10
"""How many exceptions are told for one."""
_LONGEST_TEXT = 1000
"""How many characters are told of what one says."""
_LONGEST_DESCRIPTION = 7000
"""How many characters are told in all: the host keeps 8 KiB of a line, unless the context's settings say otherwise."""

_LONGEST_PARAGRAPH = 1000
"""How many characters are told of it: in bytes that is less than the 4 KiB which the contract allows."""


def is_well_formed(text: str) -> bool:
    """Whether a text has no half of a surrogate pair, which is no character."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def to_well_formed(text: str) -> str:
    """A text with U+FFFD for each half of a surrogate pair: the host takes characters only."""
    # No codec that would be imported first: a component has no files to import from.
    return text if is_well_formed(text) else _HALVES.sub("\ufffd", text)


def checked_text(what: str, value: object) -> str:
    """A text that is one, and has a character in it; raises TypeError where it is none. The bindings take nothing else."""
    if not isinstance(value, str) or value == "" or not is_well_formed(value):
        raise TypeError(f"{what} is a text, not {value!r}")
    return value


def first_paragraph(text: str | None) -> str | None:
    """What is written below a class or a function up to the first empty line, as one line; None where nothing is. What is very long is cut off."""
    paragraph = re.split(r"\n\s*\n", inspect.cleandoc(text or ""))[0]
    said = " ".join(to_well_formed(paragraph).split())
    return said[:_LONGEST_PARAGRAPH] or None


def text_of(value: object) -> str:
    """The text of a value. It raises nothing."""
    try:
        return to_well_formed(str(value))
    except BaseException:
        return "a value that has no text"


def reason_of(error: BaseException) -> str:
    """The reason that an exception gives: its text, or its name where it has none; of a group also those of the first that are in it."""
    reason = text_of(error) or type(error).__name__
    if not isinstance(error, BaseExceptionGroup):
        return reason
    first = error.exceptions[:_MOST_REASONS]
    return f"{reason}: {'; '.join(_cut(text_of(one) or type(one).__name__, _LONGEST_TEXT) for one in first)}"


def describe_error(error: BaseException) -> str:
    """What is known of an exception, for the log: what it says, where it was raised, and what led to it."""
    lines: list[str] = []
    _describe("", error, lines, set())
    return _cut("\n".join(lines), _LONGEST_DESCRIPTION)


def describe_causes(error: BaseException) -> str:
    """What led to an exception, each line after a line break; empty where nothing did."""
    lines: list[str] = []
    _describe_causes(error, lines, {id(error)})
    return _cut("".join(f"\n{line}" for line in lines), _LONGEST_DESCRIPTION)


def _describe(relation: str, error: BaseException, lines: list[str], seen: set[int]) -> None:
    if len(seen) == _MOST_ERRORS:
        lines.append("and more, which are left out")
    seen.add(id(error))
    if len(seen) > _MOST_ERRORS:
        return
    lines.append(f"{relation}{type(error).__name__}: {_cut(text_of(error), _LONGEST_TEXT)}")
    notes = getattr(error, "__notes__", None)
    lines += [f"    note: {_cut(text_of(one), _LONGEST_TEXT)}" for one in (notes[:_MOST_ERRORS] if isinstance(notes, list) else [])]
    advice = _advice(error)
    if advice is not None:
        lines.append(f"    {advice}")
    # The first is what is looked at; of the others there may be many.
    lines += _places(error.__traceback__, DEEPEST if relation == "" else _DEEPEST_OF_CAUSES)
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            if id(one) not in seen and len(seen) <= _MOST_ERRORS:
                _describe("one of them: ", one, lines, seen)
    _describe_causes(error, lines, seen)


def _describe_causes(error: BaseException, lines: list[str], seen: set[int]) -> None:
    cause, context = error.__cause__, error.__context__
    if cause is not None:
        relation, led = "because of ", cause
    elif context is not None and not error.__suppress_context__:
        relation, led = "while handling ", context
    else:
        return
    if id(led) not in seen:
        _describe(relation, led, lines, seen)


def _advice(error: BaseException) -> str | None:
    """What to do about something that tests find, and a component does not."""
    if isinstance(error, ModuleNotFoundError) and isinstance(error.name, str):
        if error.name.partition(".")[0] == "tzdata":
            return "a component has no time zones but those of the package tzdata: name it in python/requirements.txt, and make each ZoneInfo at the top of a module"
        return f"a component has no files to import from: write `import {text_of(error.name)}` at the top of a module, where it is done when the component is made"
    if isinstance(error, LookupError):
        found = re.match(r"unknown encoding: (\S+)", text_of(error))
        if found is not None:
            return f"a component has no files to import from: write `codecs.lookup({found[1]!r})` at the top of a module, where it is done when the component is made"
    return None


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _places(traceback: TracebackType | None, most: int) -> list[str]:
    places = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"    at {code.co_qualname} ({code.co_filename}:{traceback.tb_lineno})")
        traceback = traceback.tb_next
    return places[-most:]
