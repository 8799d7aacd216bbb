"""hep_auth s3: the keys of a storage, and how AWS's programs want to hear of them."""

from __future__ import annotations

import time
from typing import ClassVar

from msgspec import Struct

from hepsub.actions.session import Session
from hepsub.errors import UnknownStorage
from hepsub.policy.model import Policy
from hepsub.result import Json, Result
from hepsub.storage.keys import Keys
from hepsub.suggest import did_you_mean

_EARLY_S = 300.0
_EARLY_PART = 0.25
_SHOWN = 4


class StorageKeys(Struct, frozen=True, kw_only=True):
    """Whose keys a storage has; no secret.

    Attributes:
        storage: its name in the policy.
        key: the beginning of the access key id.
        token: the credential whose token they come from; empty when they come from ~/.aws.
        expires: when they end, in seconds since the epoch; None for never.
        now: seconds since the epoch.
    """

    storage: str
    key: str
    token: str
    expires: float | None
    now: float

    def document(self) -> dict[str, Json]:
        """The keys as they stand under `result` in JSON."""
        return {
            "storage": self.storage,
            "key": self.key,
            "token": self.token or None,
            "expires": self.expires,
        }


class ProcessKeys(Struct, frozen=True, kw_only=True):
    """Keys for AWS's credential_process.

    Attributes:
        keys: the keys.
        expiration: when whoever asked shall ask again, in seconds since the epoch; None for never.
    """

    keys: Keys
    expiration: float | None
    is_secret: ClassVar[bool] = True

    def document(self) -> dict[str, Json]:
        """The document that AWS's SDKs and Tools Reference Guide describes under "process credential provider"."""
        document: dict[str, Json] = {
            "Version": 1,
            "AccessKeyId": self.keys.access,
            "SecretAccessKey": self.keys.secret,
        }
        if self.keys.token:
            document["SessionToken"] = self.keys.token
        if self.expiration is not None:
            moment = time.gmtime(self.expiration)
            document["Expiration"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)
        return document


def storage_keys(session: Session, named: str, *, secret: bool) -> Result:
    """The keys of a storage, or whose they are.

    Args:
        session: the session.
        named: the storage; empty for the default one.
        secret: whether the keys themselves are wanted.

    Raises:
        UnknownStorage: the policy has no such storage, or several and none was named.
        HepsubError: there are no keys; the error says why.
    """
    name = _storage_name(session.policy, named)
    rules = session.policy.storage[name]
    keys = session.keys(name, rules)
    now = session.situation.now
    if secret:
        return Result(value=ProcessKeys(keys=keys, expiration=_expiration(keys.expires, now)))
    value = StorageKeys(
        storage=name,
        key=keys.access[:_SHOWN],
        token=rules.token_name,
        expires=keys.expires,
        now=now,
    )
    return Result(value=value, notes=(keys.note,) if keys.note else ())


def _expiration(expires: float | None, now: float) -> float | None:
    """Somewhat before the end: five minutes, but at most a quarter of the life that is left."""
    if expires is None:
        return None
    return expires - min(_EARLY_S, max(0.0, expires - now) * _EARLY_PART)


def _storage_name(policy: Policy, named: str) -> str:
    known = policy.storage
    if named in known:
        return named
    if named:
        raise UnknownStorage(
            f"no storage '{named}' in the policy", remedy=did_you_mean(named, known)
        )
    marked = [name for name, storage in known.items() if storage.default] or list(known)
    if len(marked) == 1:
        return marked[0]
    if not known:
        raise UnknownStorage(
            "the policy has no storage", remedy="describe one in [storage.NAME]: man 5 hepsub"
        )
    raise UnknownStorage(
        "the policy has several storages, and none was named",
        remedy=f"name one: {', '.join(known)}",
    )
