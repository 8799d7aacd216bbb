"""A source of tokens in memory: they are JSON Web Tokens without a signature that anybody could check."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from hepsub.auth.credential import Lifetime, UserCredential
from hepsub.errors import HepsubError
from hepsub.policy.model import TOKEN
from tests.fakes.tokens import jwt


def make_token(since: float, life: float, subject: str = "alice") -> bytes:
    """A token that begins to live then, and for so many seconds."""
    issuer = "https://iam.example.org"
    return jwt(sub=subject, iss=issuer, iat=int(since), exp=int(since + life)).encode()


@dataclass(slots=True, kw_only=True)
class FakeSource:
    """Gives tokens that live for `life` seconds, or fails as told.

    Attributes:
        name: its name in the policy.
        life: how long a new token lives, in seconds.
        own: what the user has already.
        trouble: what it raises instead.
        asked: how often it was asked for a new one.
    """

    name: str = "iam"
    life: float = 3600.0
    own: UserCredential | None = None
    trouble: HepsubError | None = None
    asked: int = 0
    kind: str = field(default=TOKEN)
    origin: str = "a test"

    def look(self) -> UserCredential | None:
        """What the user has."""
        return self.own

    def obtain(self, seconds: float) -> UserCredential:
        """A new token."""
        del seconds
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        now = time.time()
        lifetime = Lifetime(expires=now + self.life, renewable_until=None, since=now)
        content = make_token(now, self.life)
        return UserCredential(
            name=self.name, kind=self.kind, who="alice", lifetime=lifetime, content=content
        )

    def renew(self, held: UserCredential) -> UserCredential:
        """The same: a new token."""
        del held
        return self.obtain(0)
