"""The claims of a token, read and not verified: whoever gets the token verifies it. Pure.

Nobody has signed for what stands there as far as hepsub knows: it is held to the types that its specifications name.

Sources: RFC 7519 (JSON Web Token), RFC 9068 (access tokens as JWT), WLCG Common JWT Profiles 1.2.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated

import msgspec
from msgspec import Struct

from hepsub.documents import Malformed, Moment, one_line, read_json

ANY_AUDIENCES = frozenset({"https://wlcg.cern.ch/jwt/v1/any", "ANY"})
"""Audiences that every service accepts: WLCG's profile, and SciTokens'."""

LONGEST_TOKEN = 2**16
"""What goes into one header: servers take 8 to 64 kB."""

_Line = Annotated[str, msgspec.Meta(max_length=4096)]
_Lines = Annotated[list[_Line], msgspec.Meta(max_length=1000)]
_BEARER = re.compile(rb"[A-Za-z0-9._~+/-]+=*")
_OF_LOGIN = frozenset({"openid", "offline_access", "profile", "email", "address", "phone", "wlcg"})
"""Scopes that ask for a session or for claims: an access token need not name them."""


class Claims(Struct, frozen=True, kw_only=True):
    """What a token says of itself; times in seconds since the epoch, None where it says nothing.

    Attributes:
        issuer: URL of the provider, without a slash at its end.
        audience: whom it is meant for; none: not said.
        scopes: what it allows; None: not said.
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


class _Payload(msgspec.Struct, frozen=True, kw_only=True):
    """The claims that hepsub knows, as they stand in a token."""

    iss: _Line | None = None
    sub: _Line | None = None
    aud: _Line | _Lines | None = None
    scope: _Line | _Lines | None = None
    scp: _Line | _Lines | None = None
    exp: Moment | None = None
    nbf: Moment | None = None
    iat: Moment | None = None
    wlcg_ver: _Line | None = msgspec.field(name="wlcg.ver", default=None)


def is_bearer_token(content: bytes) -> bool:
    """Whether this can be a bearer token at all (RFC 6750, section 2.1)."""
    return len(content) <= LONGEST_TOKEN and _BEARER.fullmatch(content) is not None


def read_claims(token: str) -> Claims | None:
    """What a token says of itself; None for one that is not a JWT (opaque), which is no fault.

    Raises:
        Malformed: it is a JWT, and says what cannot be (RFC 7519, section 4.1).
    """
    # Three parts, of which the first is a JSON object, is what a JWT is; opaque tokens may have dots, too.
    parts = token.split(".")
    if len(token) > LONGEST_TOKEN or len(parts) != 3 or not _is_object(parts[0]):
        return None
    if not _is_object(parts[1]):
        return None
    said = read_json(_decoded(parts[1]), _Payload, most=LONGEST_TOKEN)
    return Claims(
        issuer=one_line(said.iss or "").rstrip("/"),
        subject=one_line(said.sub or ""),
        audience=_texts(said.aud),
        scopes=_scopes(said),
        expires=said.exp,
        not_before=said.nbf,
        issued=said.iat,
        wlcg=one_line(said.wlcg_ver or ""),
    )


def mismatch(
    claims: Claims, *, issuer: str = "", audience: str = "", scopes: tuple[str, ...] = ()
) -> str:
    """Why a token is not the one that is wanted, in words that follow "the token"; empty when it is."""
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
    if have is None:  # not every provider says so in the token
        return ()
    asked = (scope for scope in wanted if scope not in _OF_LOGIN)
    return tuple(scope for scope in asked if not any(_covers(each, scope) for each in have))


def _covers(have: str, wanted: str) -> bool:
    right, colon, path = have.partition(":")
    asked, _, asked_path = wanted.partition(":")
    if have == wanted or not colon:
        return have == wanted
    return right == asked and f"{asked_path}/".startswith(f"{path.rstrip('/')}/")


def _scopes(said: _Payload) -> frozenset[str] | None:
    named = said.scp if said.scope is None else said.scope
    if isinstance(named, str):
        return frozenset(one_line(named).split())
    return None if named is None else frozenset(map(one_line, named))


def _is_object(part: str) -> bool:
    """Whether a part of a token holds something that begins as a JSON object does."""
    try:
        return _decoded(part).lstrip(b" \t\r\n").startswith(b"{")
    except Malformed:
        return False


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("it is not base64") from error


def _texts(value: str | list[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(map(one_line, [value] if isinstance(value, str) else value))
