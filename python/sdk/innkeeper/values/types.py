"""The types of a description."""

from .kind import Described, Form, Type


class Types:
    """The types of a description: each once for each form, and known by its place."""

    def __init__(self) -> None:
        self.list: list[Described] = []
        self._known: dict[tuple[Form, int], int] = {}
        # What is known by where it is must stay there.
        self._kept: list[Type] = []

    def place(self, of: Type, form: Form) -> int:
        """The place of a type in a form."""
        known = (form, id(of))
        if known not in self._known:
            self._known[known] = len(self.list)
            self._kept.append(of)
            self.list.append(("", None))
            self.list[self._known[known]] = of.describe(lambda inner: self.place(inner, form), form)
        return self._known[known]
