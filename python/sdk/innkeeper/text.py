"""Texts of whatever it may be: anything can be raised, logged, or given as a header."""

import inspect
import re
from types import TracebackType

_HALVES = re.compile("[\ud800-\udfff]")

DEEPEST = 30
"""How many of the innermost places of an exception are said."""

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
    """The reason that an exception gives: its text, or its name where it has none."""
    return text_of(error) or type(error).__name__


def describe_error(error: BaseException) -> str:
    """What is known of an exception, for the log."""
    lines = [f"{type(error).__name__}: {text_of(error)}"]
    lines += _places(error.__traceback__)
    cause = error.__cause__
    if cause is not None and cause is not error:
        lines.append(f"because of {type(cause).__name__}: {text_of(cause)}")
        lines += _places(cause.__traceback__)
    return "\n".join(lines)


def _places(traceback: TracebackType | None) -> list[str]:
    places = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"    at {code.co_qualname} ({code.co_filename}:{traceback.tb_lineno})")
        traceback = traceback.tb_next
    return places[-DEEPEST:]
