"""Which clusters are in the embedded pool's queue, at a glance: nothing waits, and nothing is started or made."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping

from hepsub.local.directory import Place, queue_directory

_BUSY_S = 0.1  # a shell waits for it, at the tabulator key


def queued_clusters(environment: Mapping[str, str], uid: int) -> frozenset[int] | None:
    """The clusters that have jobs in the queue; None where that cannot be told now."""
    place = Place(queue_directory(environment, uid))
    try:
        if os.lstat(place.directory).st_uid != uid or os.lstat(place.database).st_uid != uid:
            return None
    except FileNotFoundError:
        return frozenset()
    except OSError:
        return None
    with contextlib.suppress(sqlite3.Error):
        path = f"{place.database.as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(path, uri=True, timeout=_BUSY_S)) as connection:
            rows = connection.execute("SELECT DISTINCT cluster FROM procs WHERE queued = 1")
            return frozenset(cluster for (cluster,) in rows)
    return None
