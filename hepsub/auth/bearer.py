"""A bearer token as a credential in hand."""

from __future__ import annotations

from hepsub.auth.credential import Held, Kind, Lifetime
from hepsub.auth.jwt import is_bearer_token, read_claims
from hepsub.documents import Malformed
from hepsub.errors import CredentialMissing


def held_token(name: str, content: bytes) -> Held:
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
    return Held(name=name, kind=Kind.TOKEN, who=who, lifetime=lifetime, content=token)
