"""The names of logs as sbatch(1) writes them (`%j`, `%A_%a`, `%x`, …), in hepsub's words. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_SYMBOL: Final = re.compile(r"%(?:\{|(\d*)([A-Za-z%]))")
_FIRST_NODE: Final[Mapping[str, str]] = {"n": "0", "t": "0"}
"""There is one node and one task."""


def log_name(pattern: str, *, name: str, user: str, number: int | None, index: str) -> str:
    """The text after -o or -e that stands for a name as sbatch fills it in.

    Args:
        pattern: the name in the script.
        name: the job's name.
        user: the login name.
        number: how many jobs there are; None for a list that tells.
        index: what stands for the index in the array.

    Raises:
        ValueError: what hepsub does not know before the job runs; the symbol.
    """
    if "\\" in pattern:  # then sbatch fills in nothing
        return pattern.replace("\\", "")
    job = "%{ClusterId}" if number == 1 else f"%{{ClusterId}}_{index}"
    known = {"A": "%{ClusterId}", "a": index, "j": job, "x": name, "u": user, "%": "%"}

    def filled(found: re.Match[str]) -> str:
        digits, letter = found[1], found[2]
        if letter is None:
            return found[0]
        word = ({**known, **_FIRST_NODE}).get(letter)
        if word is None or (digits and letter != "%"):
            raise ValueError(
                f"hepsub cannot fill in {found[0]}: it does not know it before the job runs"
            )
        return word

    return _SYMBOL.sub(filled, pattern)
