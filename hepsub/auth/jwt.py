"""The claims of a token, read and not verified: whoever gets the token verifies it. Pure.

Sources: RFC 7519 (JSON Web Token), RFC 9068 (access tokens as JWT), WLCG Common JWT Profiles 1.2.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

ANY_AUDIENCES = frozenset({"https://wlcg.cern.ch/jwt/v1/any", "ANY"})
"""Audiences that every service accepts: WLCG's profile, and SciTokens'."""

_BEARER = re.compile(rb"[A-Za-z0-9._~+/-]+=*")
_OF_LOGIN = frozenset({"openid", "offline_access", "profile", "email", "address", "phone", "wlcg"})
"""Scopes that ask for a session or for claims: an access token need not name them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says of itself; times in seconds since the epoch, None where it says nothing.

    Attributes:
        issuer: URL of the provider, without a slash at its end.
        subject: whom it speaks for.
        audience: whom it is meant for; none: not said.
        scopes: what it allows; None: not said.
        expires: when it ends.
        not_before: when it begins to be valid.
        issued: when it was made.
        wlcg: the version of WLCG's profile; empty for a token of another profile.
    """

    issuer: str
    subject: str
    audience: tuple[str, ...]
    scopes: frozenset[str] | None
    expires: float | None
    not_before: float | None
    issued: float | None
    wlcg: str


def is_bearer_token(content: bytes) -> bool:
    """Whether this can be a bearer token at all (RFC 6750, section 2.1)."""
    return _BEARER.fullmatch(content) is not None


def read_claims(token: str) -> Claims | None:
    """What a token says of itself; None for one that is not a JWT (opaque), which is no fault."""
    parts = token.split(".")
    if len(parts) != 3 or not _is_object(_part(parts[0])):
        return None
    claims = _part(parts[1])
    if not isinstance(claims, dict):
        return None
    return Claims(
        issuer=_text(claims.get("iss")).rstrip("/"),
        subject=_text(claims.get("sub")),
        audience=_texts(claims.get("aud")),
        scopes=_scopes(claims),
        expires=_number(claims.get("exp")),
        not_before=_number(claims.get("nbf")),
        issued=_number(claims.get("iat")),
        wlcg=_text(claims.get("wlcg.ver")),
    )


def misfit(
    claims: Claims, *, issuer: str = "", audience: str = "", scopes: tuple[str, ...] = ()
) -> str:
    """Why a token is not the one that is wanted, in words that follow "the token"; empty when it is.

    Args:
        claims: what it says of itself.
        issuer: the provider it has to be from; empty for any.
        audience: whom it has to be meant for; empty for anybody.
        scopes: what it has to allow.
    """
    if issuer and claims.issuer and claims.issuer != issuer.rstrip("/"):
        return f"is from {claims.issuer}, not from {issuer}"
    if audience and not ({audience} | ANY_AUDIENCES).intersection(claims.audience):
        meant = ", ".join(claims.audience) or "nobody in particular"
        return f"is meant for {meant}, not for {audience}"
    missing = missing_scopes(claims, scopes)
    return f"does not allow {' '.join(missing)}" if missing else ""


def missing_scopes(claims: Claims, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The scopes of these that a token does not allow; `storage.read:/` allows `storage.read:/cms` too."""
    have = claims.scopes
    if have is None:
        return ()
    asked = (scope for scope in wanted if scope not in _OF_LOGIN)
    return tuple(scope for scope in asked if not any(_covers(each, scope) for each in have))


def _covers(have: str, wanted: str) -> bool:
    right, colon, path = have.partition(":")
    asked, _, asked_path = wanted.partition(":")
    if have == wanted or not colon:
        return have == wanted
    return right == asked and f"{asked_path}/".startswith(f"{path.rstrip('/')}/")


def _scopes(claims: dict[str, Any]) -> frozenset[str] | None:
    said = claims.get("scope", claims.get("scp"))
    if isinstance(said, str):
        return frozenset(said.split())
    return frozenset(_texts(said)) if isinstance(said, list) else None


def _part(text: str) -> object:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found: object = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError):
        return None
    return found


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if abs(number) < float("inf") else None
