"""The MD5 of what arrives; of large files it is computed beside the reading, on another core."""

from __future__ import annotations

import hashlib
import queue
import threading

_ALONE_ABOVE = 16 * 2**20
_WAITING = 8
"""So many pieces may wait for their turn."""


class Digest:
    """An MD5 in the making; `close` has to be called at the end."""

    def __init__(self) -> None:
        self._hash = hashlib.md5(usedforsecurity=False)
        self._seen = 0
        self._pieces: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None

    def update(self, piece: bytes) -> None:
        """Add a piece."""
        self._seen += len(piece)
        if self._thread is None and self._seen > _ALONE_ABOVE:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()
        if self._thread is None:
            self._hash.update(piece)
        else:
            self._pieces.put(piece)

    def hexdigest(self) -> str:
        """The MD5 of all pieces, in hex; none may be added after that."""
        self.close()
        return self._hash.hexdigest()

    def close(self) -> None:
        """Wait for the pieces that are left."""
        if self._thread is not None:
            self._pieces.put(None)
            self._thread.join()
            self._thread = None
            self._seen = 0

    def _work(self) -> None:
        while (piece := self._pieces.get()) is not None:
            self._hash.update(piece)
