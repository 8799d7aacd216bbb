"""Keys for S3, from a profile of ~/.aws or the standard AWS chain."""

from __future__ import annotations

import datetime

from msgspec import Struct

from hepsub.documents import Malformed
from hepsub.errors import StorageRefused
from hepsub.policy.model import Storage
from hepsub.storage.bounds import believed_moment, key_in
from hepsub.storage.trouble import through_botocore


class S3Credentials(Struct, frozen=True, kw_only=True):
    """Keys for S3; their secret parts stay out of every text.

    Attributes:
        token: of the session; empty for long-lived keys.
        expires: when they end, in seconds since the epoch; None for never.
        note: what their user should know of them; empty for nothing.
    """

    access: str
    secret: str
    token: str
    expires: float | None
    note: str = ""

    @property
    def shown(self) -> str:
        """As much of the access key id as anybody may see."""
        return self.access[:4]

    def __repr__(self) -> str:
        return f"S3Credentials(access={self.shown}…)"


def keys_for(name: str, storage: Storage) -> S3Credentials:
    """The keys for a storage of the policy.

    Raises:
        StorageRefused: there are none.
    """
    from hepsub.storage.aws_files import plain_keys

    plain = plain_keys(storage.profile)
    if plain is not None:
        return _believed(name, storage, plain, None)
    import botocore.exceptions
    import botocore.session

    session = botocore.session.Session(profile=storage.profile or None)
    try:
        # The keys of a virtual machine are never the user's; asking for them costs seconds elsewhere.
        session.get_component("credential_provider").remove("iam-role")
        found = session.get_credentials()
        # Roles and single sign-on ask a service here, and not before.
        frozen = found.get_frozen_credentials() if found is not None else None
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise _no_keys(name, storage, str(error)) from error
    except OSError as error:
        raise _no_keys(name, storage, f"what gives them: {error.strerror}") from error
    except through_botocore() as error:  # a credential_process, say, that prints something else
        why = f"what gives them is broken ({type(error).__name__})"
        raise _no_keys(name, storage, why) from error
    if frozen is None:
        raise _no_keys(name, storage, "none were found")
    given = (frozen.access_key, frozen.secret_key, frozen.token)
    return _believed(name, storage, given, getattr(found, "_expiry_time", None))


def _believed(
    name: str,
    storage: Storage,
    given: tuple[object, object, object],
    expiry: datetime.datetime | None,
) -> S3Credentials:
    """Keys, if they can be some: a line end in one would begin another header of each request."""
    access, secret, token = given
    try:
        return S3Credentials(
            access=key_in(access),
            secret=key_in(secret),
            token=key_in(token) if token else "",
            expires=believed_moment(expiry) if expiry is not None else None,
        )
    except Malformed as error:
        raise _no_keys(name, storage, str(error)) from error


def _no_keys(name: str, storage: Storage, why: str) -> StorageRefused:
    place = (
        f"the profile '{storage.profile}' of ~/.aws/credentials"
        if storage.profile
        else "~/.aws/credentials"
    )
    return StorageRefused(
        f"no keys for the storage {name}: {why}",
        remedy=f"put aws_access_key_id and aws_secret_access_key into {place},"
        f" or name a profile in [storage.{name}]",
    )
