"""Times, amounts, exit codes and hepsub's own mark, as Slurm's programs write them: many jobs have the same. Pure."""

from __future__ import annotations

import functools
import re
from typing import Final

from hepsub.slurm.notes import COMMENT_MARK

ENDED: Final = frozenset({
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED",
    "REVOKED", "TIMEOUT",
})  # fmt: skip
_NO_EXIT: Final = frozenset({"NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "REVOKED"})
"""Of jobs that were taken away from their program; what stands there as its exit code is Slurm's."""


def exit_of(text: str, state: str) -> tuple[int | None, int | None]:
    """Exit code and signal: 24.11 says CODE:SIGNAL, 22.05 the number of wait(2)."""
    if state not in ENDED or state in _NO_EXIT:
        return None, None
    code, colon, signal = text.partition(":")
    if not code.isdecimal():
        return None, None
    value = int(code)
    if colon:
        ended_by = int(signal) if signal.isdecimal() else 0
    else:
        value, ended_by = value >> 8, value & 0x7F
    if ended_by:
        return None, ended_by
    # What Slurm itself ended (TIMEOUT, OUT_OF_MEMORY, …) may have 0 there, and is no success.
    return (value, None) if value or state == "COMPLETED" else (None, None)


@functools.lru_cache
def mark(comment: str) -> tuple[str, str]:
    """The UUID of hepsub's submission and the key of -once; empty for what has none."""
    if not comment.startswith(COMMENT_MARK):
        return "", ""
    uuid, _, once = comment[len(COMMENT_MARK) :].partition(":")
    return (uuid, once) if re.fullmatch(r"[0-9a-f-]{36}", uuid) else ("", "")


def number(text: str) -> int:
    """A whole number; 0 for what is none."""
    return int(text) if re.fullmatch(r"\d{1,12}", text) else 0


@functools.lru_cache
def moment(text: str) -> float:
    """Seconds since the epoch; 0 for what is no time."""
    return float(text) if re.fullmatch(r"\d{1,12}", text) else 0.0


@functools.lru_cache
def seconds(text: str) -> float:
    """A time as Slurm writes it, [DAYS-][[HOURS:]MINUTES:]SECONDS, in seconds; 0 for what is none."""
    match = re.fullmatch(r"(?:(\d{1,6})-)?(?:(\d{1,6}):)?(\d{1,6}):(\d{1,2}(?:\.\d{1,6})?)", text)
    if match is None:
        return 0
    days, hours, minutes = (int(each or 0) for each in match.groups()[:3])
    return ((days * 24 + hours) * 60 + minutes) * 60 + float(match[4])


_UNITS: Final = {"K": 2.0**-10, "M": 1.0, "G": 2.0**10, "T": 2.0**20}


@functools.lru_cache
def megabytes(text: str) -> float:
    """An amount in MB (2**20 bytes); 0 for what is none."""
    match = re.fullmatch(r"([\d.]{1,15})([KMGT]?)", text)
    if match is None or match[1].count(".") > 1 or match[1] == ".":
        return 0
    return float(match[1]) * _UNITS[match[2] or "M"]
