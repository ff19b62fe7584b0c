"""The context's configuration: `[context.<name>.config]` in `innkeeper.toml`, read live."""

from typing import Any, Generic, TypeVar, cast

from .host import host
from .problem import Fault
from .values import Mismatch, Type, type_of
from .values.compound import Struct

T = TypeVar("T")


class Config(Generic[T]):
    """The configuration as a dataclass: what an operator changes holds for the next invocation.

    As the `config` of a context it is looked at before a version serves: the context is not ready where a key is unknown, or a value is no such value.
    """

    def __init__(self, settings: type[T]) -> None:
        of = type_of(settings)
        if not isinstance(of, Struct):
            raise TypeError("the configuration is a dataclass: its fields are the keys")
        self._of = of

    def read(self) -> T:
        """Reads the configuration as it is now."""
        values = dict(host().settings())
        settings: dict[str, Any] = {}
        for field in self._of.fields:
            lacking = field.lacking()
            if field.outside in values:
                settings[field.name] = _value(field.outside, field.of, values.pop(field.outside))
            elif lacking is not None:
                settings[field.name] = lacking()
            else:
                raise Fault(f"the configuration cannot be used: {field.outside} is not set")
        for unknown in values:
            names = ", ".join(field.outside for field in self._of.fields)
            raise Fault(f"the configuration cannot be used: nobody reads {unknown}; there is {names}")
        try:
            return cast(T, self._of.made(**settings))
        except ValueError as error:
            raise Fault(f"the configuration cannot be used: {error}") from None


def _value(name: str, of: Type, text: str) -> Any:
    try:
        return of.read_text(text.strip())
    except Mismatch:
        # It may be a secret: what it is instead is not said.
        raise Fault(f"the configuration cannot be used: {name} is not {of.what()}") from None
