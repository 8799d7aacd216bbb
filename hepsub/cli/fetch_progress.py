"""How far hep_fetch is, on a terminal: files, bytes, rate, time left."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hepsub.storage.transfer import Meter


@contextlib.contextmanager
def watching(*, shown: bool) -> Iterator[Callable[[Meter], None]]:
    """What is told how far the transfers are; it draws on stderr.

    Args:
        shown: whether anybody looks; else nothing is drawn.
    """
    if not shown:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = None

        def watch(meter: Meter) -> None:
            nonlocal task
            said = f"{meter.done} of {meter.number} files"
            if task is None and meter.number:
                task = progress.add_task(said, total=meter.size)
            if task is not None:
                progress.update(task, completed=meter.moved, description=said)

        yield watch
