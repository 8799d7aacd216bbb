"""The storages of a policy with their keys: asked for once, and exchanged for new ones when they end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from hepsub.errors import HepsubError, UnknownStorage
from hepsub.policy.model import Storage
from hepsub.progress import NOBODY, Progress
from hepsub.storage.credentials import S3Credentials
from hepsub.storage.signing import Signer
from hepsub.storage.store import Store

_KEYS_LEFT_S = 20.0
"""Keys that end sooner are exchanged before a request is signed with them."""
_AT_ONCE_S = 1.0


@dataclass(kw_only=True)
class Stores:
    """The storages of a policy, and those whose keys are known.

    Attributes:
        storages: what the policy says, by name.
        keys: gives keys, which may take a while.
        known: those that were asked for.
    """

    storages: Mapping[str, Storage]
    keys: Callable[[str, Storage], S3Credentials]
    known: dict[str, Store] = field(default_factory=dict)
    progress: Progress = NOBODY
    _exchanged: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def store(self, name: str) -> Store:
        """A storage with its keys.

        Raises:
            StorageRefused: there are no keys for it.
            UnknownStorage: the policy has it no more.
        """
        if name not in self.known:
            if name not in self.storages:
                raise UnknownStorage(
                    f"the policy has no storage {name} any more",
                    remedy=f"put [storage.{name}] back until the jobs that use it have ended",
                )
            storage = self.storages[name]
            with self.progress.step(f"getting keys for the storage {name}"):
                keys = self.keys(name, storage)
            self.known[name] = Store(name=name, storage=storage, keys=keys, progress=self.progress)
        return self.known[name]

    def signer(self, name: str) -> Signer:
        """A signer of URLs that live as long as S3 allows; raises what `store` does."""
        return Signer(store=self.store(name))

    def refreshed(self, name: str, renew: bool) -> Store:  # noqa: FBT001 (a callback)
        """A storage with keys that are good now, new ones where those given last were refused; for many threads.

        Raises:
            HepsubError: there are no keys any more.
        """
        with self._lock:
            known = self.store(name)
            expires = known.keys.expires
            ends = expires is not None and expires - time.time() < _KEYS_LEFT_S
            # Keys that end are refused to all threads at the same time; the first one has exchanged them for the rest.
            recently = time.monotonic() < self._exchanged.get(name, 0.0) + _AT_ONCE_S
            if (ends or renew) and not recently:
                self._exchanged[name] = time.monotonic()
                try:
                    self.known[name] = replace(known, keys=self.keys(name, known.storage))
                except HepsubError:
                    # What will be refused soon is good until then.
                    if renew or expires is None or expires < time.time():
                        raise
            return self.known[name]
