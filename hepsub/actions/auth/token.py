"""hep_auth token: a token in hand."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct, field

from hepsub.auth.sources import source_for
from hepsub.errors import CredentialRefused, UsageError
from hepsub.policy.model import TOKEN
from hepsub.result import Result
from hepsub.session import Session
from hepsub.units import duration_text

_USUAL = "iam"
"""The policy that comes with hepsub has a token of this name."""
_ROUNDED_S = 5.0
"""A token that was asked for a moment ago has lost that much of its life."""


class TokenRequest(Struct, frozen=True, kw_only=True):
    """The token that is asked for.

    Attributes:
        name: its name in the policy; empty for iam.
        audience: whom it has to be for; empty for what the policy says.
        scopes: what it has to have; none for what the policy says.
        seconds: how long it has to be valid at least.
    """

    name: str = ""
    audience: str = ""
    scopes: tuple[str, ...] = ()
    seconds: float = 60.0


class Token(Struct, frozen=True, kw_only=True):
    """A token that was asked for; its fields are its JSON.

    Attributes:
        expires: when it ends, in seconds since the epoch; None for never, or not known.
    """

    name: str
    who: str
    expires: float | None
    text: str = field(name="token")
    is_secret: ClassVar[bool] = True

    def __repr__(self) -> str:
        """No secret."""
        return f"Token(name={self.name!r}, who={self.who!r}, expires={self.expires!r})"


def token(session: Session, wanted: TokenRequest) -> Result[Token]:
    """Get a token.

    Raises:
        UsageError: the policy has no such token.
        HepsubError: it is not to be had; the error says why.
    """
    name = wanted.name or _USUAL
    source = source_for(
        name,
        session.policy,
        session.situation,
        audience=wanted.audience,
        scopes=wanted.scopes,
        for_shell=True,
    )
    if source.kind != TOKEN:
        raise UsageError(f"{name} is a Kerberos ticket, no token", remedy="klist shows it")
    credential = source.obtain(wanted.seconds)
    now = session.situation.now
    # A source gives the longest there is where nothing is long enough: for jobs that is better than none.
    if not credential.lifetime.is_good(now, wanted.seconds - _ROUNDED_S):
        left = duration_text(credential.lifetime.left(now))
        raise CredentialRefused(
            f"the longest token of {name} that is to be had lives for {left} only, not for"
            f" {duration_text(wanted.seconds)}",
            remedy="ask for less with -t",
        )
    value = Token(
        name=name, who=credential.who, expires=credential.lifetime.expires, text=credential.text
    )
    return Result(value=value, notes=(credential.note,) if credential.note else ())
