"""hep_auth s3: the keys of a storage, and how AWS's programs want to hear of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

from msgspec import UNSET, Struct, UnsetType, convert, field

from hepsub.errors import CredentialExpired, HepsubError, UnknownStorage
from hepsub.policy.model import Policy, Storage, default_storage
from hepsub.result import Result, failures
from hepsub.session import Session
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.proof import no_answer
from hepsub.suggest import did_you_mean
from hepsub.units import duration_text

_EARLY_S = 300.0
_EARLY_PART = 0.25
_AWS_TIME = "%Y-%m-%dT%H:%M:%SZ"
T = TypeVar("T")


class StorageKeysDocument(Struct, frozen=True, kw_only=True):
    """The JSON of hep_auth s3: whose keys a storage has; no secret.

    Attributes:
        key: the beginning of the access key id.
        token: the credential whose token they come from; None when they come from ~/.aws.
        good: whether the store has accepted them.
        expires: when they end, in seconds since the epoch; None for never.
    """

    storage: str
    key: str
    token: str | None
    good: bool
    expires: float | None


class StorageKeys(StorageKeysDocument, frozen=True, kw_only=True):
    """The same, and when it was asked."""

    now: float

    def document(self) -> StorageKeysDocument:
        """The keys as they stand under `result` in JSON."""
        return convert(self, StorageKeysDocument, from_attributes=True)


class ProcessKeys(Struct, frozen=True, kw_only=True):
    """What AWS's SDKs and Tools Reference Guide describes under "process credential provider"."""

    version: int = field(name="Version", default=1)
    access: str = field(name="AccessKeyId")
    secret: str = field(name="SecretAccessKey")
    token: str | UnsetType = field(name="SessionToken")
    expiration: str | UnsetType = field(name="Expiration")
    is_secret: ClassVar[bool] = True

    def __repr__(self) -> str:
        """No secret."""
        return f"ProcessKeys(access={self.access!r})"


def storage_keys(
    session: Session, named: str, *, secret: bool, limit: float = 5.0
) -> Result[StorageKeys | ProcessKeys]:
    """The keys of a storage, or whose they are and whether the store accepts them.

    Args:
        session: the session.
        named: the storage; empty for the default one.
        secret: whether the keys themselves are wanted; then the store is not asked.
        limit: seconds after which the store is not waited for any longer.

    Raises:
        UnknownStorage: the policy has no such storage, or several and none was named.
        HepsubError: there are no keys; the error says why.
    """
    name = _storage_name(session.policy, named)
    rules = session.policy.storage[name]
    keys = session.keys(name, rules)
    now = session.situation.now
    if secret:  # whoever asks for them has its own way to notice that they are refused, and waits
        return Result(value=_for_process(keys, now))
    said, troubles = "", list[HepsubError]()
    try:
        said = _checked_soon(session, name, keys, limit)
    except HepsubError as error:
        troubles.append(error)
    problems, exit_code = failures(troubles, 0)
    value = StorageKeys(
        storage=name,
        key=keys.shown,
        token=rules.token_name or None,
        good=not troubles,
        expires=keys.expires,
        now=now,
    )
    return Result(
        value=value,
        notes=tuple(note for note in (keys.note, said) if note),
        problems=problems,
        exit_code=exit_code,
    )


def _checked_soon(session: Session, name: str, keys: S3Credentials, limit: float) -> str:
    rules = session.policy.storage[name]
    (said,) = at_once([lambda: check_keys(session, name, rules, keys)], limit)
    if said is None:
        raise no_answer(name, limit)
    return said


def check_keys(session: Session, name: str, storage: Storage, keys: S3Credentials) -> str:
    """What the storage says besides, in words, of keys that it accepts now.

    Raises:
        CredentialExpired: they have ended.
        StorageRefused: the storage does not accept them.
        StorageUnreachable: it does not answer.
    """
    token, now = storage.token_name, session.situation.now
    # Of keys that have ended stores say different things, none of which is that.
    if keys.expires is not None and keys.expires <= now:
        raise CredentialExpired(
            f"the keys have ended {duration_text(now - keys.expires)} ago",
            remedy=f"hep_auth login {token}" if token else "get new ones where these came from",
        )
    return session.prove(name, storage, keys)


def _for_process(keys: S3Credentials, now: float) -> ProcessKeys:
    expiration: str | UnsetType = UNSET
    if keys.expires is not None:
        # Earlier than they end, which may be in the midst of a long transfer; but by a quarter of the life that is left
        # at the most: else rclone would ask for short ones again and again.
        early = min(_EARLY_S, max(0.0, keys.expires - now) * _EARLY_PART)
        expiration = time.strftime(_AWS_TIME, time.gmtime(keys.expires - early))
    return ProcessKeys(
        access=keys.access, secret=keys.secret, token=keys.token or UNSET, expiration=expiration
    )


def _storage_name(policy: Policy, named: str) -> str:
    known = policy.storage
    if named in known:
        return named
    if named:
        raise UnknownStorage(
            f"no storage '{named}' in the policy", remedy=did_you_mean(named, known)
        )
    if default := default_storage(known):
        return default
    if not known:
        raise UnknownStorage(
            "the policy has no storage", remedy="describe one in [storage.NAME]: man 5 hepsub"
        )
    raise UnknownStorage(
        "the policy has several storages, and none was named",
        remedy=f"name one: {', '.join(known)}",
    )


def at_once(questions: Sequence[Callable[[], T]], limit: float) -> list[T | None]:
    """Every answer; None where it took longer than so many seconds.

    Raises:
        BaseException: what a question raised.
    """
    found: dict[int, T] = {}
    raised: list[BaseException] = []

    def ask(number: int, question: Callable[[], T]) -> None:
        try:
            found[number] = question()
        except BaseException as error:  # noqa: BLE001 (raised again by the calling thread)
            raised.append(error)

    # Daemons: what hangs in a system call does not keep the command from ending.
    threads = [
        threading.Thread(target=ask, args=each, daemon=True) for each in enumerate(questions)
    ]
    end = time.monotonic() + limit
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    if raised:
        raise raised[0]
    return [found.get(number) for number in range(len(questions))]
