"""hep_auth token: a token in hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from msgspec import Struct

from hepsub.actions.session import Session
from hepsub.auth.credential import Kind
from hepsub.auth.sources import source_for
from hepsub.auth.token import Order
from hepsub.errors import CredentialRefused, UsageError
from hepsub.result import Json, Result
from hepsub.units import duration_text

_USUAL = "iam"
_ROUNDED_S = 5.0
"""A token that was asked for a moment ago has lost that much of its life."""


class Wanted(Struct, frozen=True, kw_only=True):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token that was asked for.

    Attributes:
        name: its name in the policy.
        who: whom it speaks for.
        expires: when it ends, in seconds since the epoch; None for never, or not known.
        text: the token.
    """

    name: str
    who: str
    expires: float | None
    text: str = field(repr=False)
    is_secret: ClassVar[bool] = True

    def document(self) -> dict[str, Json]:
        """The token as it stands under `result` in JSON; it was asked for."""
        return {"name": self.name, "who": self.who, "expires": self.expires, "token": self.text}


def token(session: Session, wanted: Wanted) -> Result:
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
        order=Order.SHELL,
    )
    if source.kind is not Kind.TOKEN:
        raise UsageError(f"{name} is a Kerberos ticket, no token", remedy="klist shows it")
    held = source.obtain(wanted.seconds)
    now = session.situation.now
    if not held.lifetime.is_good(now, wanted.seconds - _ROUNDED_S):
        left = duration_text(held.lifetime.left(now))
        raise CredentialRefused(
            f"the longest token of {name} that is to be had lives for {left} only, not for"
            f" {duration_text(wanted.seconds)}",
            remedy="ask for less with -t",
        )
    value = Token(name=name, who=held.who, expires=held.lifetime.expires, text=held.text)
    return Result(value=value, notes=(held.note,) if held.note else ())
