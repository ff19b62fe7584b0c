"""What the host knows of the invocation that runs. It is the same in all its attempts, except `attempt`."""

from typing import Any

from .host import Verified, host
from .json_text import parse_json
from .problem import Problem


class Identity:
    """Who is behind an invocation, as a token said that the host has found good."""

    def __init__(self, verified: Verified) -> None:
        self.issuer = verified.issuer
        self.subject = verified.subject
        self.scopes = list(verified.scopes)
        self._claims = {name: parse_json(said) for name, said in verified.claims}

    def has_scope(self, scope: str) -> bool:
        """Whether the token allows something."""
        return scope in self.scopes

    def claim(self, name: str) -> Any:
        """What the token says under a name; None when it says nothing there, or the manifest does not name it."""
        return self._claims.get(name)


class Invocation:
    """The invocation that runs."""

    @property
    def id(self) -> str:
        """The invocation's id."""
        return host().invocation.id()

    @property
    def correlation_id(self) -> str:
        """The id that everything with one cause at its root shares."""
        return host().invocation.correlation_id()

    @property
    def causation_id(self) -> str:
        """The event or invocation that caused this one; empty for a web request."""
        return host().invocation.causation_id()

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return host().invocation.attempt()

    @property
    def identity(self) -> Identity | None:
        """Who is behind it; None where nobody is known to be. No header that a client has set says it."""
        verified = host().invocation.identity()
        return None if verified is None else Identity(verified)

    def require_identity(self) -> Identity:
        """Who is behind it; raises a 401 where nobody is known to be."""
        identity = self.identity
        if identity is None:
            raise Problem(401, "This needs to know who asks.")
        return identity

    def now(self) -> int:
        """The time, in milliseconds since the Unix epoch. It does not move while the invocation runs."""
        return host().invocation.now()

    def new_id(self) -> str:
        """A new unique id of 32 hexadecimal digits."""
        return host().invocation.new_id()


invocation = Invocation()
"""The invocation that runs."""
