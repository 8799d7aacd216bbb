"""A bearer token as a credential, and where one is discovered (WLCG Bearer Token Discovery 1.0).

Source: WLCG AuthZ Working Group, "WLCG Bearer Token Discovery".
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hepsub.auth.claims import is_bearer_token, read_claims
from hepsub.auth.credential import Lifetime, UserCredential
from hepsub.documents import Malformed
from hepsub.errors import CredentialMissing
from hepsub.policy.model import TOKEN

_SPACE = b" \f\n\r\t\v"
_LONGEST = 1 << 20


def read_token(name: str, content: bytes) -> UserCredential:
    """The credential that these bytes are; when an opaque token ends is not known.

    Args:
        name: the credential's name in the policy.
        content: the token, with space around it or not.

    Raises:
        CredentialMissing: they are no token, or one that says what cannot be.
    """
    token = content.strip()
    if not is_bearer_token(token):
        raise CredentialMissing("what was given is not a token", remedy=f"hep_auth login {name}")
    try:
        claims = read_claims(token.decode("ascii"))
    except Malformed as error:
        raise CredentialMissing(
            f"what was given is not a token: what it says of itself makes no sense ({error})",
            remedy=f"tell the administrators of the provider of {name}",
        ) from error
    if claims is None:
        lifetime, who = Lifetime(expires=None, renewable_until=None), ""
    else:
        since = claims.issued if claims.not_before is None else claims.not_before
        lifetime = Lifetime(expires=claims.expires, renewable_until=None, since=since)
        who = f"{claims.subject} at {claims.issuer}" if claims.issuer else claims.subject
    return UserCredential(name=name, kind=TOKEN, who=who, lifetime=lifetime, content=token)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredToken:
    """A token that was found: where, in words, and the token."""

    place: str
    content: bytes = field(repr=False)


def discover(
    environment: Mapping[str, str],
    uid: int,
    fallback: Path = Path("/tmp"),  # noqa: S108 (the specification's)
) -> DiscoveredToken | None:
    """The first token of $BEARER_TOKEN, $BEARER_TOKEN_FILE, $XDG_RUNTIME_DIR/bt_uUID, /tmp/bt_uUID.

    Empty ones and files that are not there are passed over; so is somebody else's file in /tmp, where
    anybody could put one.

    Args:
        environment: the caller's.
        uid: numeric user id.
        fallback: the directory of the last place.

    Raises:
        CredentialMissing: the first thing found is no token; the specification says to stop there.
    """
    for place, content in _candidates(environment, uid, fallback):
        token = content.strip(_SPACE)
        if not token:
            continue
        if not is_bearer_token(token):
            raise CredentialMissing(
                f"what is in {place} is not a token", remedy="remove it, or put a token there"
            )
        return DiscoveredToken(place=place, content=token)
    return None


def _candidates(
    environment: Mapping[str, str], uid: int, fallback: Path
) -> Iterator[tuple[str, bytes]]:
    if token := environment.get("BEARER_TOKEN"):
        yield "$BEARER_TOKEN", token.encode("utf-8", "replace")
    if named := environment.get("BEARER_TOKEN_FILE"):
        yield f"$BEARER_TOKEN_FILE ({named})", _content(Path(named), None)
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        path = Path(runtime) / f"bt_u{uid}"
        yield str(path), _content(path, uid)
    path = fallback / f"bt_u{uid}"
    yield str(path), _content(path, uid)


def _content(path: Path, owner: int | None) -> bytes:
    """What is in a file; nothing where it is not there, or not the owner's.

    Where anybody could have put it nobody waits for it: a named pipe would be for ever.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | (os.O_NONBLOCK if owner is not None else 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if owner is not None and (status.st_uid != owner or not stat.S_ISREG(status.st_mode)):
                return b""
            return file.read(_LONGEST)
    except OSError:
        return b""
