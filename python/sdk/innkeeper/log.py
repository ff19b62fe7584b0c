"""Lines in the host's log, which adds the context, the version and the correlation id."""

from .host import host
from .text import describe_error, text_of, to_well_formed


def _shown(part: object) -> str:
    if isinstance(part, BaseException):
        return describe_error(part)
    return text_of(part)


class Log:
    """The host's log. What is given is said as `print` would, an exception with where it was raised."""

    def trace(self, *parts: object) -> None:
        """Writes a line of the level `trace`."""
        self._write("trace", parts)

    def debug(self, *parts: object) -> None:
        """Writes a line of the level `debug`."""
        self._write("debug", parts)

    def info(self, *parts: object) -> None:
        """Writes a line of the level `info`."""
        self._write("info", parts)

    def warn(self, *parts: object) -> None:
        """Writes a line of the level `warn`."""
        self._write("warn", parts)

    def error(self, *parts: object) -> None:
        """Writes a line of the level `error`."""
        self._write("error", parts)

    def critical(self, *parts: object) -> None:
        """Writes a line of the level `critical`."""
        self._write("critical", parts)

    def _write(self, level: str, parts: tuple[object, ...]) -> None:
        host().log(level, to_well_formed(" ".join(_shown(part) for part in parts)))


log = Log()
"""The host's log."""
