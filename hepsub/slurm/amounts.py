"""Amounts as sbatch(1) takes them: memory, times, GPUs, indices of arrays, lists of variables. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

_KILOBYTES: Final[Mapping[str, int]] = {"K": 1, "M": 2**10, "G": 2**20, "T": 2**30}
_MEMORY: Final = re.compile(r"(\d{1,15})([KMGT]?)B?", re.IGNORECASE)
_TIMES: Final = (
    (re.compile(r"(\d{1,8})"), (60,)),
    (re.compile(r"(\d{1,8}):(\d{1,2})"), (60, 1)),
    (re.compile(r"(\d{1,6}):(\d{1,2}):(\d{1,2})"), (3600, 60, 1)),
    (re.compile(r"(\d{1,5})-(\d{1,2})"), (86400, 3600)),
    (re.compile(r"(\d{1,5})-(\d{1,2}):(\d{1,2})"), (86400, 3600, 60)),
    (re.compile(r"(\d{1,5})-(\d{1,2}):(\d{1,2}):(\d{1,2})"), (86400, 3600, 60, 1)),
)
_ARRAY: Final = re.compile(r"(\d{1,10})(?:-(\d{1,10}))?(?:%(\d{1,10}))?")
_GPUS: Final = re.compile(r"(?:[^:,=]+[:=])?(\d{1,6})")
_VARIABLE: Final = re.compile(r"(?:[^,'\"]|'[^']*'|\"[^\"]*\")+")


def megabytes(text: str) -> int:
    """Memory or disk in MB (2**20 bytes), rounded up; 0 for all that a node has.

    Raises:
        ValueError: it is none.
    """
    found = _MEMORY.fullmatch(text)
    if found is None:
        raise ValueError("that is no amount of memory or disk")
    return math.ceil(int(found[1]) * _KILOBYTES[found[2].upper() or "M"] / 2**10)


def seconds(text: str) -> int:
    """A time limit, a number alone being minutes.

    Raises:
        ValueError: it is none.
    """
    for pattern, units in _TIMES:
        if found := pattern.fullmatch(text):
            total = sum(int(each) * unit for each, unit in zip(found.groups(), units, strict=True))
            if total > 0:  # for sbatch 0 is no limit, as UNLIMITED is
                return total
    raise ValueError("a job of hepsub's has a limit: minutes, HOURS:MINUTES:SECONDS or DAYS-HOURS")


def array(text: str) -> tuple[int, int, int | None]:
    """Indices of an array: the first one, how many there are, and how many run at a time.

    Raises:
        ValueError: they are not a row of numbers.
    """
    found = _ARRAY.fullmatch(text)
    first = int(found[1]) if found else 0
    last = int(found[2]) if found and found[2] else first
    if found is None or last < first:
        raise ValueError("hepsub's jobs have the indices of one row, such as 0-9 or 1-100%20")
    return first, last - first + 1, int(found[3]) if found[3] else None


def gpus(text: str) -> int:
    """How many GPUs --gpus or --gpus-per-node asks for, whatever their types.

    Raises:
        ValueError: it is no number of them.
    """
    found = [_GPUS.fullmatch(each) for each in text.split(",")]
    numbers = [int(each[1]) for each in found if each is not None]
    if len(numbers) < len(found):
        raise ValueError("that is no number of GPUs")
    return sum(numbers)


def gpus_of_gres(text: str) -> int:
    """How many GPUs --gres asks for; 0 for none."""
    total = 0
    for entry in text.split(","):
        name, *rest = re.split("[:=]", entry.removeprefix("gres/"))
        if name == "gpu":
            total += int(rest[-1]) if rest and rest[-1].isdecimal() else 1
    return total


def variables(text: str) -> tuple[bool, tuple[tuple[str, str | None], ...]]:
    """What --export says: whether all of the submitter's variables travel, and those that are named.

    A value is None for the submitter's own.

    Raises:
        ValueError: one has no name, or a quote has no other one.
    """
    entries = _VARIABLE.findall(text)
    if ",".join(entries) != text:
        raise ValueError("that is no list of NAME or NAME=VALUE")
    inherit = False
    named: list[tuple[str, str | None]] = []
    for entry in entries:
        name, equals, value = entry.partition("=")
        # ALL beside names means both; NONE means only those that are named.
        if not equals and name.upper() in ("ALL", "NONE", "NIL"):
            inherit = inherit or name.upper() == "ALL"
        elif not name:
            raise ValueError("that is no list of NAME or NAME=VALUE")
        else:
            named.append((name, re.sub("['\"]", "", value) if equals else None))
    return inherit, tuple(named)


def one_node(text: str) -> str:
    """The node of a --nodelist.

    Raises:
        ValueError: it is a list: a job would get all of them.
    """
    if re.search(r"[,\[\]/*]|^\d+$", text):
        raise ValueError(
            "Slurm gives a job all the nodes of this list, and hepsub's jobs run on one"
        )
    return text


def priority(text: str) -> int:
    """What --nice means as HTCondor's priority: the lower, the later; without a value it is 100.

    Raises:
        ValueError: it is none that users may say.
    """
    if text and not text.isdecimal():
        raise ValueError(
            "Slurm lets users only lower the priority of their jobs, by a number from 0"
        )
    return -int(text or 100)


def positive(text: str) -> int:
    """A number from 1.

    Raises:
        ValueError: it is none.
    """
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise ValueError("that is no number from 1")
    return number
