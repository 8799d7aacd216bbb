"""Copies of a credential: which of several is the best, and when it should be renewed. Pure but for reading."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from hepsub.auth.bearer import read_token
from hepsub.auth.ccache import LARGEST
from hepsub.auth.credential import Lifetime, UserCredential
from hepsub.auth.kerberos import read_ticket
from hepsub.documents import Malformed, has_been, read_file
from hepsub.errors import HepsubError
from hepsub.plan.credentials import JobCredential
from hepsub.policy.model import KERBEROS

_UNKNOWN_LIFE_S = 600.0
"""A token that does not tell when it ends is renewed after this."""
_GAIN_S = 1.0


class CredentialCopy(Struct, frozen=True, kw_only=True):
    """A copy of a credential in a bundle, or the user's own, with its age.

    Attributes:
        since: when its life began, in seconds since the epoch.
    """

    credential: UserCredential
    since: float

    @property
    def expires(self) -> float:
        """When it ends, in seconds since the epoch."""
        end = self.credential.lifetime.expires
        return self.since + _UNKNOWN_LIFE_S if end is None else end

    @property
    def due(self) -> float:
        """When it should be renewed: at half of its life."""
        return self.since + max(0.0, self.expires - self.since) / 2

    @property
    def can_be_renewed(self) -> bool:
        """Whether a renewal would live longer."""
        until = self.credential.lifetime.renewable_until
        return until is None or until > self.expires + _GAIN_S

    def is_better_than(self, other: CredentialCopy | None) -> bool:
        """Whether it should take the other's place."""
        if other is None:
            return True
        # A ticket that ends sooner and can be renewed for longer outlives the other one.
        if self.credential.kind == KERBEROS:
            mine, its = _until(self.credential.lifetime), _until(other.credential.lifetime)
            if abs(mine - its) > _GAIN_S:
                return mine > its
        return self.expires > other.expires + _GAIN_S


def _until(lifetime: Lifetime) -> float:
    return math.inf if lifetime.renewable_until is None else lifetime.renewable_until


def best_of(copies: Iterable[CredentialCopy | None], now: float) -> CredentialCopy | None:
    """The best of those that have not ended; None for none."""
    best: CredentialCopy | None = None
    for each in copies:
        if each is not None and each.expires > now and each.is_better_than(best):
            best = each
    return best


def read_copy(path: Path, credential: JobCredential, now: float) -> CredentialCopy | None:
    """The copy in a bundle; None when it is not there, or cannot be read as what it should be."""
    try:
        content = read_file(path, LARGEST)
        written = path.stat().st_mtime
    except (OSError, Malformed):
        return None
    read = read_ticket if credential.kind == KERBEROS else read_token
    try:
        # One that was written later than now is as old as can be, and so renewed at once.
        return copy_of(read(credential.name, content), written if has_been(written, now) else 0.0)
    except HepsubError:
        return None


def copy_of(credential: UserCredential, now: float) -> CredentialCopy:
    """A copy of a credential; its life began when it says, or else now."""
    since = credential.lifetime.since
    return CredentialCopy(credential=credential, since=now if since is None else since)
