"""Calls of functions that other contexts offer."""

from collections.abc import Callable
from typing import Any

from .host import host
from .immediate import refuse_later
from .names import kebab_case
from .problem import Failure
from .text import checked_text


class Received(Failure):
    """The failure of another context: nothing that a function of this context means by one."""


class Calls:
    """The functions of an interface that another context offers, named without its version: `payments = Calls("stay:payment/payments")`, `payments.approve(7, 1)`. What has a
    word of Python for a name ends with `_`: `import` is `import_`.

    Each answers its ok value, and raises a `Failure` with the case of its error; `unavailable` is the host's, when the other context cannot be reached, and `deadline-exceeded`, where the
    error has that case, when the time of the call was up.
    """

    def __init__(self, interface: str) -> None:
        # No name of WIT begins like this: whatever else it had would be a function that cannot be called.
        self._interface = checked_text("the id of an interface", interface)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*parameters: Any) -> Any:
            function = kebab_case(name)
            what = f"what {self._interface}#{function} has answered"
            try:
                return refuse_later(what, host().call(self._interface, function, parameters))
            except Failure as failure:
                raise Received(failure.kind, failure.value) from None

        return call


def interface_of(calls: Calls) -> str:
    """The id of the interface, without its version."""
    return calls._interface
