"""The line on stderr that says what takes long, and how far it is; it goes when that has ended.

A process of its own draws it, as HTCondor's bindings stop all threads of this one while they wait. It sees what is to
be shown in memory that both have, and goes when its pipe ends, with whatever ended this process.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import signal
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn, TextIO

import msgspec
from msgspec import Struct

from hepsub.terminal import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.spinner import Spinner
    from rich.table import Table

    from hepsub.progress import Step

_QUICK_S = 1.0
"""What has ended within this is not worth a line."""
_FRAME_S = 0.1
_STOP_S = 2.0
_ROOM = 4096
_LONGEST = 300
_HAS_BAR, _HAS_AMOUNT = 50, 30
"""So many columns a terminal has to have for a bar, and for numbers."""
_SHORTEST_BAR, _LONGEST_BAR = 6, 30
_ECHO = len("^C") + 1
"""What a terminal writes behind the line when somebody presses that, and the column that stays free."""
_BLOCKED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


class _Seen(Struct, frozen=True, kw_only=True):
    """A step, as the process that draws sees it; its fields are those of `hepsub.progress.Step`."""

    what: str
    done: int
    total: int
    in_bytes: bool
    began: float


def can_show(stream: TextIO | None, environment: Mapping[str, str]) -> bool:
    """Whether a line may come and go on a stream: on a terminal that can do so, and whose user wants it."""
    if stream is None or not stream.isatty() or environment.get("NO_COLOR"):
        return False
    return environment.get("TERM", "dumb") not in ("", "dumb", "unknown")


class Line:
    """The line, as the command sees it."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._area: mmap.mmap | None = None
        self._pipe = -1
        self._child = 0
        self._began = 0.0
        self._off = False

    def show(self, step: Step | None) -> None:
        """Show this, from a second after the first step on; None: nothing for now."""
        if os.getpid() != self._owner:  # a call in a process of its own
            return
        if step is not None and not self._child:
            self._start()
        if self._area is not None:
            self._write(self._area, step)

    def turn_off(self) -> None:
        """Nothing is shown any more: the command itself writes to the terminal."""
        self._off = True
        self.hide()

    def hide(self) -> None:
        """Remove the line, so that something else can be written; what is under way later brings it back."""
        child, self._child = self._child, 0
        if not child:
            return
        os.close(self._pipe)
        end = time.monotonic() + _STOP_S
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > end:  # a terminal that was stopped by ^S
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return
            time.sleep(0.002)

    def _start(self) -> None:
        if self._off or _has_threads():
            return
        # Of the command: many quick steps are long together.
        self._began = self._began or time.monotonic()
        self._area = self._area or mmap.mmap(-1, _ROOM)
        reading, writing = os.pipe2(os.O_CLOEXEC)
        # Until the child has its own handlers a Ctrl-C would raise KeyboardInterrupt in both.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
        try:
            child = os.fork()
            if child == 0:
                _be_the_line(self._area, reading, self._began)
        except OSError:  # no room for another process: it goes without
            self._off = True
            os.close(writing)
        else:
            self._child, self._pipe = child, writing
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            os.close(reading)

    @staticmethod
    def _write(area: mmap.mmap, step: Step | None) -> None:
        seen = step and _Seen(
            what=printable(step.what[:_LONGEST])[:_LONGEST],  # an escape is four to ten letters
            done=step.done,
            total=step.total,
            in_bytes=step.in_bytes,
            began=step.began,
        )
        text = msgspec.json.encode(seen)
        area[: len(text) + 1] = text + b"\0"


def _has_threads() -> bool:
    """Whether a fork would copy locks that nobody gives back."""
    threading = sys.modules.get("threading")
    return threading is not None and threading.active_count() > 1


# ---- the process that draws ------------------------------------------------------------------------


def _be_the_line(area: mmap.mmap, pipe: int, began: float) -> NoReturn:
    """Draw until the pipe ends, and do not return."""
    try:
        # An open lock, or a pipe that somebody reads to its end, would stay open with this process.
        kept = os.dup2(pipe, 3)
        # One by one: containers may allow a billion, and not each Python knows close_range(2).
        for number in [int(each.name) for each in os.scandir("/proc/self/fd")]:
            if number > kept:
                with contextlib.suppress(OSError):  # what has listed them
                    os.close(number)
        for number in (0, 1):
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
        for each in _BLOCKED:
            signal.signal(each, signal.SIG_IGN)
        for name in ("COLUMNS", "LINES"):  # how large the terminal was when a shell told that
            os.environ.pop(name, None)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        wait = max(0.0, began + _QUICK_S - time.monotonic())
        if not _has_ended(kept, wait):
            _draw(area, kept)
    finally:
        os._exit(0)


def _has_ended(pipe: int, seconds: float) -> bool:
    return bool(select.select([pipe], [], [], seconds)[0])


def _draw(area: mmap.mmap, pipe: int) -> None:
    from rich.console import Console
    from rich.spinner import Spinner

    from hepsub.cli.in_place import InPlace

    with open(2, "w", encoding=sys.stderr.encoding, errors="replace", closefd=False) as stream:
        console = Console(file=stream, force_terminal=True)
        place, spinner = InPlace(console), Spinner("line" if console.options.ascii_only else "dots")
        while not _has_ended(pipe, _FRAME_S):
            if not _is_in_front():
                continue
            with contextlib.suppress(msgspec.DecodeError):  # it is being written at this moment
                seen = _read(area)
                if seen is None:
                    place.clear()
                else:
                    seconds = time.monotonic() - seen.began
                    place.show(_drawn(seen, spinner, console.width, seconds))
        if _is_in_front():
            place.clear()


def _read(area: mmap.mmap) -> _Seen | None:
    return msgspec.json.decode(area[:].partition(b"\0")[0], type=_Seen | None)


def _is_in_front() -> bool:
    """Whether the terminal is this command's, and not a shell's that it left or was sent behind."""
    try:
        return os.tcgetpgrp(2) == os.getpgrp()
    except OSError:
        return False


def _drawn(seen: _Seen, spinner: Spinner, width: int, seconds: float) -> Table:
    """The line: what is under way whole, if there is room for that, then numbers, then a bar."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    what, amount = Text(seen.what, no_wrap=True, overflow="ellipsis"), Text("")
    if width >= _HAS_AMOUNT:
        amount = Text(_amount(seen, seconds, brief=width < _HAS_BAR), no_wrap=True)
    made = Table.grid(padding=(0, 1, 0, 0))
    cells: list[tuple[RenderableType, int]] = [(spinner.render(time.monotonic()), 1)]
    room = max(1, width - len("s ") - (amount.cell_len + 1) - _ECHO)
    cells.append((what, min(what.cell_len, room)))
    room = min(room - what.cell_len - 1, _LONGEST_BAR)
    if seen.total and width >= _HAS_BAR and room >= _SHORTEST_BAR:
        done = min(max(0, seen.done), seen.total)
        bar = ProgressBar(
            total=seen.total,
            completed=done,
            width=room,
            style="dim",  # rich's own is black on black, or looks like what is done on white
            complete_style="green",
            finished_style="green",
        )
        cells.append((bar, room))
    if amount:
        cells.append((amount, amount.cell_len))
    for _, columns in cells:  # rich would take from all of them alike
        made.add_column(width=columns)
    made.add_row(*(cell for cell, _ in cells))
    return made


def _amount(seen: _Seen, seconds: float, *, brief: bool) -> str:
    """How much of it is done, and since when, or how quickly."""
    from hepsub.units import duration_text, size_text

    number = size_text if seen.in_bytes else str
    of = f" of {number(seen.total)}" if seen.total else ""
    amount = f"{number(max(0, seen.done))}{of}" if seen.done or of else ""
    if brief and amount:
        return amount
    pace = duration_text(max(1.0, seconds))
    if seen.in_bytes and seen.done > 0:
        pace = f"{size_text(int(seen.done / seconds))}/s"
        if seen.total > seen.done:
            pace += f", {duration_text((seen.total - seen.done) * seconds / seen.done)} left"
    return ", ".join(each for each in (amount, pace) if each)
