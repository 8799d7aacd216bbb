"""The user's crontab: one marked line comes and goes, every other byte stays as it was."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hepsub.documents import read_file
from hepsub.errors import ToolFailed
from hepsub.tools.run import installed, run

MARK = "# hepsub renew"
"""What the line ends with, and is found by. To the shell that cron starts it is a comment."""

_LONGEST = 990
"""Bytes; Vixie cron and its descendants read at most 1000 of a command (crontab(5), cron.h MAX_COMMAND)."""

_LONGEST_NUMBER = 20
_DAEMONS = ("cron", "crond", "fcron")
_TIME_LIMIT_S = 10


def cron_daemon(proc: Path, runtime: Path) -> str:
    """The cron daemon that runs on this machine, in words; empty when none is to be seen.

    Args:
        proc: where the processes are listed: /proc.
        runtime: where daemons note their numbers: /run.
    """
    for each in sorted(proc.glob("[0-9]*/comm")):
        try:
            name = each.read_text(errors="replace").strip()
        except OSError:  # it has just ended
            continue
        if name in _DAEMONS and not _is_in_a_container(each.parent):
            return f"{name} (process {each.parent.name})"
    return _noted_daemon(runtime)


def _is_in_a_container(process: Path) -> bool:
    """Whether a process has one more number, in a namespace below this one: its crontabs are others."""
    try:
        lines = (process / "status").read_text(errors="replace").splitlines()
    except OSError:
        return False
    numbers = next((line for line in lines if line.startswith("NSpid:")), "")  # proc(5)
    return len(numbers.split()) > 2


def _noted_daemon(runtime: Path) -> str:
    """As above, where /proc hides the processes of others (its mount option hidepid)."""
    for name in _DAEMONS:
        try:
            number = int(read_file(runtime / f"{name}.pid", _LONGEST_NUMBER))
            os.kill(number, 0)
        except PermissionError:  # it is there, and is somebody else's
            return f"{name} (process {number})"
        except (OSError, ValueError, OverflowError):
            continue
        return f"{name} (process {number})"
    return ""


def read_crontab() -> bytes:
    """The caller's crontab as it is; empty when there is none.

    Raises:
        ToolFailed: it cannot be read, so it must not be written either.
    """
    if not installed("crontab"):
        raise ToolFailed("crontab is not installed", remedy="install cron")
    with tempfile.NamedTemporaryFile(prefix="hepsub-crontab-") as file:
        # By way of a file: not a byte may be read as something else than it is.
        words = ["sh", "-c", 'exec crontab -l >"$1"', "sh", file.name]
        done = run(words, timeout=_TIME_LIMIT_S, check=False)
        text = Path(file.name).read_bytes()
    if done.code == 0:
        return text
    # Only this is an empty table; to take another failure for one would delete the user's.
    said = " ".join(done.stderr.split())
    if "no crontab" in said.lower() or "no such file" in said.lower():
        return b""
    raise ToolFailed(
        f"your crontab cannot be read: {said or f'exit code {done.code}'}",
        remedy="crontab -l shows the same: ask your administrators whether you may use cron",
    )


def write_crontab(text: bytes) -> None:
    """Replace the caller's crontab; an empty one is removed.

    Raises:
        ToolFailed: cron does not take it; what was there is unharmed.
    """
    if not text:
        run(["crontab", "-r"], timeout=_TIME_LIMIT_S)
        return
    with tempfile.NamedTemporaryFile(prefix="hepsub-crontab-") as file:
        file.write(text)
        file.flush()
        run(["crontab", file.name], timeout=_TIME_LIMIT_S)


def marked_line(text: bytes) -> str:
    """The line that hepsub added; empty when it did not."""
    marked = (line for line in text.split(b"\n") if _is_marked(line))
    return next(marked, b"").decode(errors="replace")


def with_line(text: bytes, line: str) -> bytes:
    """The crontab with this line for hepsub's: in the place of the old one, else at the end.

    Raises:
        ToolFailed: cron would not read the line whole.
    """
    added = os.fsencode(line)
    if len(added) > _LONGEST:
        raise ToolFailed(
            f"the line for cron would have {len(added)} characters, and cron reads {_LONGEST}",
            remedy="install hepsub, or keep its policy, under a shorter path",
        )
    if b"\n" in added:
        raise ToolFailed(
            "the line for cron would have a line end in it",
            remedy="keep hepsub and its policy under a path without one",
        )
    lines = text.split(b"\n")
    marked = [number for number, each in enumerate(lines) if _is_marked(each)]
    if marked:
        lines[marked[0]] = added
        kept = [each for number, each in enumerate(lines) if number not in marked[1:]]
        return b"\n".join(kept)
    end = b"" if not text or text.endswith(b"\n") else b"\n"
    return text + end + added + b"\n"


def without_line(text: bytes) -> bytes:
    """The crontab without hepsub's line."""
    return b"\n".join(line for line in text.split(b"\n") if not _is_marked(line))


def cron_line(every: float, seed: int, command: str) -> str:
    """A line of a crontab, marked.

    Args:
        every: the pause in seconds; cron knows minutes, and more than an hour becomes hourly.
        seed: any number that is the user's own, so that not all users come in the same minute.
        command: what /bin/sh shall run.
    """
    minutes = max(1, min(60, int(every // 60)))
    offset = seed % minutes
    when = {1: "*", 60: f"{offset}"}.get(minutes, f"{offset}-59/{minutes}")
    escaped = command.replace("%", r"\%")  # a bare one would end the command (crontab(5))
    return f"{when} * * * * {escaped} {MARK}"


def _is_marked(line: bytes) -> bool:
    return line.rstrip().endswith(MARK.encode()) and not line.lstrip().startswith(b"#")
