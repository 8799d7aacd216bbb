"""Memory, time and size: text to numbers and back."""

from __future__ import annotations

import math
import re
import time
from typing import Annotated

_MEMORY = r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b)?"
_MEMORY_FACTOR = {"k": 2.0**-10, "": 1.0, "m": 1.0, "g": 2.0**10, "t": 2.0**20}
_SIZE_POWER = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_DURATION_PART = r"(\d+(?:\.\d+)?)\s*([a-z]+)\s*"
# 1:30 is an hour and a half, as HTCondor's users write it; sbatch's minutes and seconds are read in hepsub.slurm.
_CLOCK = r"(?:(\d+)[-+])?(\d+):([0-5]\d)(?::([0-5]\d))?"
_MOST_MB = (2**63 - 1) // 2**20
_MOST_S = 2**31 - 1
# Bytes go into 64 bits (ClassAds, SQLite, setrlimit), and a moment that many seconds ahead still has a date.
_SIX_DAYS_S = 6 * 86400
_SECONDS = {
    "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hr": 3600, "hour": 3600, "hours": 3600,
    "d": 86400, "day": 86400, "days": 86400,
    "w": 604800, "week": 604800, "weeks": 604800,
}  # fmt: skip


def parse_memory(text: str) -> int:
    """Memory in MB (2**20 bytes), rounded up: `3000`, `2GB`, `1.5 G`, `500MiB`; no unit means MB.

    Raises:
        ValueError: the text is no amount of memory, or less than 1 MB.
    """
    match = re.fullmatch(_MEMORY, text.strip().lower())
    if match is None or (match[3] and not match[2]):
        raise ValueError(f"'{text}' is no amount of memory")
    amount = float(match[1]) * _MEMORY_FACTOR[match[2]]
    if amount <= 0:
        raise ValueError(f"'{text}' is less than 1 MB")
    if amount > _MOST_MB:  # before it becomes an int: 400 digits are an infinite float
        raise ValueError(f"'{text}' is more than any machine has")
    return math.ceil(amount)


def parse_size(text: str) -> int:
    """A size in bytes: `500B`, `64 kB`, `2GB`, `1.5GiB` (1 kB = 2**10 bytes); a unit is needed.

    Raises:
        ValueError: the text is no size, has no unit, or is less than 1 byte.
    """
    match = re.fullmatch(_MEMORY, text.strip().lower())
    if match is None or not (match[2] or match[3] == "b"):
        raise ValueError(f"'{text}' is no size")
    from decimal import Decimal  # a seventh of what a help text takes

    size = int(Decimal(match[1]) * 2 ** _SIZE_POWER[match[2]])
    if size < 1:
        raise ValueError(f"'{text}' is less than 1 byte")
    return size


def parse_duration(text: str) -> int:
    """A duration in seconds: `90s`, `30 min`, `1h`, `1h30m`, `2d`, `1:30` (hours:minutes), `1-02:00:00`.

    Raises:
        ValueError: the text is no duration, has no unit, is not longer than 0 s, or longer than any can be.
    """
    seconds = any_duration(text)
    if seconds > _MOST_S:
        raise ValueError(f"'{text}' is more than 68 years")
    return math.ceil(seconds)


def any_duration(text: str) -> float:
    """A duration in seconds as `parse_duration` reads it, however long.

    Raises:
        ValueError: the text is no duration, has no unit, or is not longer than 0 s.
    """
    stripped = text.strip()
    clock = re.fullmatch(_CLOCK, stripped) if ":" in stripped else None
    seconds = _clock_seconds(clock) if clock else _worded_seconds(stripped)
    if seconds <= 0:
        raise ValueError(f"'{text}' is not longer than 0 s")
    return seconds


Megabytes = Annotated[int, parse_memory]
"""An int in MB (2**20 bytes); in the policy a text such as "2 GB", too."""
Seconds = Annotated[int, parse_duration]
"""An int in seconds; in the policy a text such as "10 h", too."""


def _clock_seconds(match: re.Match[str]) -> int:
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds


def _worded_seconds(text: str) -> float:
    total, left = 0.0, text.lower()
    while left:
        part = re.match(_DURATION_PART, left)
        if part is None or part[2] not in _SECONDS:
            raise ValueError(f"'{text}' is no duration")
        total += float(part[1]) * _SECONDS[part[2]]
        left = left[part.end() :]
    return total


def duration_text(seconds: float) -> str:
    """A duration for people, two units at most: `45 s`, `5 min`, `1 h 30 min`, `3 d 4 h`."""
    left = round(seconds)
    parts = []
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def run_time_text(seconds: float) -> str:
    """A run time as HTCondor's tables write it: `days+HH:MM:SS`."""
    days, left = divmod(max(0, int(seconds)), 86400)
    return f"{days}+{left // 3600:02d}:{left // 60 % 60:02d}:{left % 60:02d}"


def size_text(size: int) -> str:
    """A number of bytes for people: `512 B`, `64.0 kB`, `1.5 MB` (1 kB = 2**10 bytes)."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if round(amount, 1) < 1024 or unit == "GB":
            break
        amount /= 1024
    return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"


def rough_text(seconds: float) -> str:
    """A duration for people who plan: without seconds from 10 min on, without minutes from 2 d on."""
    unit = 3600 if seconds >= 2 * 86400 else 60 if seconds >= 600 else 1
    return duration_text(seconds // unit * unit)


def clock_text(seconds: float) -> str:
    """A moment, in seconds since the epoch, in local time as HTCondor's tables write it: `MM/DD HH:MM`."""
    return time.strftime("%m/%d %H:%M", time.localtime(seconds))


def moment_text(moment: float, now: float) -> str:
    """A moment for people, in local time: the time today, the weekday this week, else the date."""
    local, today = time.localtime(moment), time.localtime(now)
    if local[:3] == today[:3]:
        return time.strftime("%H:%M", local)
    if 0 < moment - now < _SIX_DAYS_S:
        return time.strftime("%A %H:%M", local)
    return time.strftime("%Y-%m-%d %H:%M", local)
