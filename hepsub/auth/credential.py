"""A ticket or token of the user: its content, its lifetime, and the source that gives and renews it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from msgspec import Struct


class Lifetime(Struct, frozen=True, kw_only=True):
    """How long a credential lives; all in seconds since the epoch.

    Attributes:
        expires: when it ends; None for never, or not known.
        renewable_until: until when it can be renewed without its user; None for as long as its source
            works; the same as `expires` where it cannot be renewed.
        since: when its life began; None where it does not tell.
    """

    expires: float | None
    renewable_until: float | None
    since: float | None = None

    def left(self, now: float) -> float:
        """How long it is still good, in seconds; infinite when it does not end, or does not tell."""
        return float("inf") if self.expires is None else max(0.0, self.expires - now)

    def is_good(self, now: float, seconds: float = 0.0) -> bool:
        """Whether it lives now, and for so many seconds more."""
        return self.left(now) > seconds

    def can_be_renewed(self, now: float) -> bool:
        """Whether a renewal now could live longer than it does."""
        until = self.renewable_until
        return until is None or (until > now and (self.expires is None or until > self.expires))


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCredential:
    """A ticket or token of the user.

    Attributes:
        name: its name in the policy.
        kind: what it is, in the policy's word.
        who: whom it speaks for: a principal, a subject; empty where it does not tell.
        content: the ticket cache as MIT's FILE format, or the token; it is in no text.
        origin: where it came from, in words.
        note: what its user should know of it; empty for nothing.
    """

    name: str
    kind: str
    who: str
    lifetime: Lifetime
    content: bytes = field(repr=False)
    origin: str = ""
    note: str = ""

    @property
    def text(self) -> str:
        """The token as text."""
        return self.content.decode("ascii")


class CredentialSource(Protocol):
    """Where a credential comes from."""

    @property
    def name(self) -> str:
        """Its name in the policy."""

    @property
    def kind(self) -> str:
        """What it is, in the policy's word."""

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""

    def look(self) -> UserCredential | None:
        """The one on this machine, whether it has expired or not; the network is not asked.

        Raises:
            HepsubError: there is one, but it cannot be read.
        """

    def obtain(self, seconds: float) -> UserCredential:
        """One that lives for at least so many seconds, or else the longest that is to be had.

        Raises:
            CredentialMissing: there is none.
            CredentialExpired: there is one, but it has ended.
            AgentUnavailable, CredentialRefused, ProviderUnreachable: nobody gives one.
        """

    def renew(self, credential: UserCredential) -> UserCredential:
        """One that lives longer, made from a given one where that is possible.

        Raises:
            CredentialExpired: it cannot be renewed any more.
            AgentUnavailable, CredentialRefused, ProviderUnreachable: nobody does it.
        """
