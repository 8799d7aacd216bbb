"""Keys that end in the middle of a download are exchanged, once for all threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from msgspec.structs import replace

from hepsub.actions.submit.stage import Stores
from hepsub.errors import HepsubError
from hepsub.session import Session
from hepsub.storage.s3 import Store

_KEYS_LEFT_S = 20.0
"""Keys that end sooner are exchanged before a request is signed with them."""


def keeper(session: Session, stores: Stores) -> Callable[[str, bool], Store]:
    """Gives storages with keys that are good now; keys that end are exchanged once for all threads."""
    lock = threading.Lock()
    exchanged: dict[str, float] = {}

    def store(name: str, renew: bool) -> Store:  # noqa: FBT001 (a callback)
        with lock:
            known = stores.store(name)
            expires = known.keys.expires
            ends = expires is not None and expires - time.time() < _KEYS_LEFT_S
            recently = time.monotonic() - exchanged.get(name, -_KEYS_LEFT_S) < 1.0
            if (ends or renew) and not recently:
                exchanged[name] = time.monotonic()
                try:
                    stores.known[name] = replace(known, keys=session.keys(name, known.storage))
                except HepsubError:
                    # What will be refused soon is good until then.
                    if renew or expires is None or expires < time.time():
                        raise
            return stores.known[name]

    return store
