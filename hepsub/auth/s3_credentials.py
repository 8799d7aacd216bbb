"""Keys for a storage: in exchange for a token (STS), or those that the user keeps."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable

from msgspec.structs import replace

from hepsub.auth.credential import UserCredential
from hepsub.policy.model import Storage
from hepsub.storage import credentials as kept
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.sts import Exchange, SessionTooLong, exchange_token
from hepsub.units import duration_text

TokenFor = Callable[[str, str], UserCredential]
"""Gives a token by the credential's name and the audience (empty: the credential's own)."""

_SESSIONS_S = (43200, 3600, 900)
"""What is asked for in turn where the role does not allow session_s: the longest there is on AWS and Ceph,
what every role allows, and the shortest that AWS gives."""


def keys_for(
    name: str, storage: Storage, token_for: TokenFor, user: str = "hepsub"
) -> S3Credentials:
    """The keys for a storage of the policy; the user's name is for the storage's log.

    Raises:
        StorageRefused: there are none, or the token service gives none.
        StorageUnreachable: the token service does not answer.
        CredentialRefused: the token, its audience or the role is refused.
        HepsubError: there is no token.
    """
    if not storage.token_name:
        return kept.keys_for(name, storage)
    token = token_for(storage.token_name, storage.audience).text
    wanted = Exchange(name=name, storage=storage, token=token, user=user, seconds=storage.session_s)
    try:
        return exchange_token(wanted)
    except SessionTooLong:
        for seconds in (each for each in _SESSIONS_S if each < wanted.seconds):
            with contextlib.suppress(SessionTooLong):
                keys = exchange_token(dataclasses.replace(wanted, seconds=seconds))
                return replace(
                    keys,
                    note=f"the storage {name} gives keys for {duration_text(seconds)} and not for"
                    f" {duration_text(wanted.seconds)}: set session_s = {seconds} in [storage.{name}]",
                )
        raise
