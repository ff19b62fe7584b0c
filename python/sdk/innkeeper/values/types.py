"""The types of a description."""

from .kind import Annotation, Described, Form, Type


class Types:
    """The types of a description: each once for each form, and known by its place."""

    def __init__(self) -> None:
        self.list: list[Described] = []
        self._known: dict[tuple[Form, int], int] = {}
        # What is known by where it is must stay there.
        self._kept: list[tuple[Type, Form]] = []

    def place(self, of: Type, form: Form) -> int:
        """The place of a type in a form."""
        known = (form, id(of))
        if known not in self._known:
            self._known[known] = len(self.list)
            self._kept.append((of, form))
            self.list.append(("", None))
            self.list[self._known[known]] = of.describe(lambda inner: self.place(inner, form), form)
        return self._known[known]

    def place_if_told(self, of: Type, form: Form) -> int | None:
        """The same; None where a form has no description of it, or of what it is made of."""
        count = len(self.list)
        try:
            return self.place(of, form)
        except TypeError:
            # Nothing refers to what was told of it so far.
            del self.list[count:], self._kept[count:]
            self._known = {known: place for known, place in self._known.items() if place < count}
            return None

    def annotations(self) -> list[tuple[int, Annotation]]:
        """What is said of them besides, by their places."""
        return [(place, said) for place, (of, form) in enumerate(self._kept) for said in [*of.annotations(form), *of.keywords]]
