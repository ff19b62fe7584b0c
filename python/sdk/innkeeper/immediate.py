"""Whatever the host asks is answered at once: what would come later would be lost with the invocation."""

import inspect
from collections.abc import Callable
from typing import Any


def refuse_async(what: str, run: Callable[..., Any]) -> None:
    """Refuses a function that could only answer later, when it is declared."""
    later = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(is_later(run) for is_later in later):
        raise TypeError(f"{what} is async or a generator, and need not be: whatever the host is asked answers at once")


def refuse_later(what: str, value: Any) -> Any:
    """Refuses a coroutine or another value that comes later, whoever made it; answers any other value."""
    # Not by `inspect.isawaitable`, which looks for its methods in each class that it has not seen: in a fresh interpreter that is each one.
    if inspect.iscoroutine(value):
        value.close()
    elif not (hasattr(type(value), "__await__") or inspect.isgenerator(value) or inspect.isasyncgen(value)):
        return value
    raise TypeError(f"{what} comes later, and nobody waits for it: whatever the host is asked answers at once")
