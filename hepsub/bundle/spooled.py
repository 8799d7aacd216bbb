"""Where at home belongs what jobs left with a schedd that was handed them: their corners, and their logs.

HTCondor brings it home by itself, and asks the schedd for the places. But these are the only ones that were meant.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from hepsub.bundle.bundle import Bundle
from hepsub.confine import Writable
from hepsub.plan.bundle_paths import corner_of

_NEW = os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
"""Non-blocking, for what has the name may be a FIFO; links are followed, for it is the user's own place."""


def places_of(bundle: Bundle, cluster: int, procs: Collection[int]) -> Writable:
    """The places of what jobs left; a proc that the submission has not, has none."""
    request = bundle.request
    meant = [proc for proc in procs if proc in range(request.number)]
    logs = {each for proc in meant for each in request.logs(proc, cluster)}
    if request.event_log:
        logs.add(Path(request.event_log))
    corners = tuple(bundle.directory / corner_of(proc) for proc in meant)
    return Writable(directories=corners, files=tuple(sorted(logs)))


@contextlib.contextmanager
def open_places(places: Iterable[Writable]) -> Iterator[Writable]:
    """Make the logs that are not there, while something is written into them; after a failure empty ones go again.

    Yields:
        What of all the places can be written.
    """
    every = list(places)
    # Who is confined to some places may write files there, and make none (confine.py).
    made: list[Path] = []
    logs = tuple(log for each in every for log in each.files if _is_log(log, made))
    try:
        yield Writable(
            directories=tuple(one for each in every for one in each.directories), files=logs
        )
    except BaseException:
        for log in made:
            with contextlib.suppress(OSError):
                if not log.stat().st_size:
                    log.unlink()
        raise


def _is_log(log: Path, made: list[Path]) -> bool:
    """Whether it is a regular file, perhaps a new one: HTCondor would wait for the reader of a FIFO."""
    new = not os.path.exists(log)  # (Path raises where its user may not look)
    try:
        descriptor = os.open(log, _NEW, 0o666)
    except OSError:
        return False
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)
    if new and is_file:
        made.append(log)
    return is_file
