"""Names of WIT, of Python and of JSON: `room-id` is `room_id`, and may be `roomId`."""

import keyword
import re


def snake_case(name: str) -> str:
    """A name of WIT in Python."""
    snake = name.replace("-", "_")
    return f"{snake}_" if keyword.iskeyword(snake) else snake


def kebab_case(name: str) -> str:
    """A name of Python in WIT."""
    return name.rstrip("_").replace("_", "-")


def camel_case(name: str) -> str:
    """A name of Python as JSON often has it."""
    first, *others = name.split("_")
    return first + "".join(other[:1].upper() + other[1:] for other in others)


def kebab_of_class(name: str) -> str:
    """The name of a class, such as `NotFound`, in WIT. What would be a word of Python ends with `_`: `none` is `None_`."""
    return re.sub(r"(?<=.)(?=[A-Z])", "-", name.rstrip("_")).lower()
