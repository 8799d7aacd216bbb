"""How far hep_fetch is, on a terminal: files, bytes, rate, time left."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hepsub.units import size_text

if TYPE_CHECKING:
    from rich.progress import Progress, Task

    from hepsub.storage import download


@contextlib.contextmanager
def watching(*, shown: bool) -> Iterator[Callable[[download.Progress], None]]:
    """What is told how far the transfers are; it draws on stderr.

    Args:
        shown: whether anybody looks; else nothing is drawn.
    """
    if not shown:
        yield lambda _: None
        return
    with _bar() as progress:
        task = progress.add_task("looking for outputs", total=None)

        def watch(meter: download.Progress) -> None:
            if meter.number:
                moved = max(0, meter.moved)
                progress.update(task, total=meter.size, completed=moved, description=_said(meter))

        yield watch


def _said(meter: download.Progress) -> str:
    """Large files are read once more for their checksums, a little behind what comes."""
    is_here = meter.done < meter.number and meter.moved >= meter.size
    return f"{meter.done} of {meter.number} files{', checking' if is_here else ''}"


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.table import Column
    from rich.text import Text

    class Amount(ProgressColumn):
        """Bytes that came, of how many, and how many a second, in hepsub's own units."""

        def render(self, task: Task) -> Text:
            if task.total is None:
                return Text("")
            rate = f"{size_text(int(task.speed))}/s" if task.speed else "-"
            return Text(f"{size_text(int(task.completed))} of {size_text(int(task.total))}, {rate}")

    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        Amount(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(compact=True),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True, expand=True)
