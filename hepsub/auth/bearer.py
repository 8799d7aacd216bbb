"""A bearer token as a credential, and where one is discovered (WLCG Bearer Token Discovery 1.0).

Source: WLCG AuthZ Working Group, "WLCG Bearer Token Discovery".
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from msgspec import structs

from hepsub.auth.claims import is_bearer_token, read_claims
from hepsub.auth.credential import Lifetime, UserCredential
from hepsub.documents import Malformed
from hepsub.errors import CredentialMissing
from hepsub.policy.model import TOKEN

_LONGEST = 1 << 20


def read_token(name: str, content: bytes) -> UserCredential:
    """The credential of the policy that these bytes are, with space around them or not.

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
    if claims is None:  # opaque: only who gave it may know when it ends
        lifetime, who = Lifetime(expires=None, renewable_until=None), ""
    else:
        since = claims.issued if claims.not_before is None else claims.not_before
        lifetime = Lifetime(expires=claims.expires, renewable_until=None, since=since)
        who = f"{claims.subject} at {claims.issuer}" if claims.issuer else claims.subject
    return UserCredential(name=name, kind=TOKEN, who=who, lifetime=lifetime, content=token)


def discover(
    name: str,
    environment: Mapping[str, str],
    uid: int,
    fallback: Path = Path("/tmp"),  # noqa: S108 (the specification's)
) -> UserCredential | None:
    """The first token of $BEARER_TOKEN, $BEARER_TOKEN_FILE, $XDG_RUNTIME_DIR/bt_uUID, /tmp/bt_uUID.

    Raises:
        CredentialMissing: the first thing found is no token.
    """
    for place, content in _candidates(environment, uid, fallback):
        token = content.strip()
        if not token:
            continue
        if not is_bearer_token(token):  # the specification says to stop there
            raise CredentialMissing(
                f"what is in {place} is not a token", remedy="remove it, or put a token there"
            )
        found = read_token(name, token)
        # Who put it there may put a newer one: nothing here does.
        lifetime = structs.replace(found.lifetime, renewable_until=found.lifetime.expires)
        return replace(found, lifetime=lifetime, origin=place)
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
    """What is in a file; nothing where it is not there, or not the owner's."""
    try:
        # Anybody can put something into /tmp, and for a named pipe one waits for ever. What the user names is his own,
        # and may be one: BEARER_TOKEN_FILE=<(program).
        descriptor = os.open(path, os.O_RDONLY | (os.O_NONBLOCK if owner is not None else 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if owner is not None and (status.st_uid != owner or not stat.S_ISREG(status.st_mode)):
                return b""
            return file.read(_LONGEST)
    except OSError:
        return b""
