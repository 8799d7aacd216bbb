"""What each command does with each batch system: the table of hepsub(7), which is read from systems.txt."""

from __future__ import annotations

import functools
import re
from typing import Final

from msgspec import Struct

from hepsub.cli.generate import roff, sources

SYSTEMS: Final = ("HTCondor", "here", "schedd", "ce", "Slurm")
"""The batch systems, as the table's first line names them."""
_INTRO: Final = (
    "What differs between the batch systems. The lines are options of hep_sub, and commands about one job that runs, is"
    " put on hold, changed, released and removed. HTCondor is the pool at home and what has joined it, here the"
    " embedded pool (`-p here`), schedd and ce are remote sites of these kinds, Slurm is a pool of Slurm's. A number"
    " means that it is refused, with this exit code, and nothing is changed; a letter is a note below.",
)
_CELL = re.compile(r"(?P<said>yes|\d+)(?: (?P<note>[a-z]))?")


class Cell(Struct, frozen=True, kw_only=True):
    """What a command does with a batch system.

    Attributes:
        code: 0 where it does what it says, else the exit code with which it is refused.
        note: the letter of the note that says more; empty for none.
    """

    code: int
    note: str = ""


@functools.cache
def text() -> str:
    """The table as it is shown, its notes left out."""
    return sources.text("systems.txt").partition("\n\n")[0]


@functools.cache
def notes() -> dict[str, str]:
    """The notes: letter → what it says."""
    lines = sources.text("systems.txt").partition("\n\n")[2].strip().split("\n")
    return {line[0]: line[1:].strip() for line in lines}


@functools.cache
def rows() -> dict[str, dict[str, Cell]]:
    """The table: what is typed → batch system → what happens."""
    head, *lines = text().split("\n")
    places = [head.index(name) for name in SYSTEMS]
    return {line[: places[0]].strip(): _cells(line, places) for line in lines}


def _cells(line: str, places: list[int]) -> dict[str, Cell]:
    ends = [*places[1:], None]
    found: dict[str, Cell] = {}
    for name, begin, end in zip(SYSTEMS, places, ends, strict=True):
        cell = _CELL.fullmatch(line[begin:end].strip())
        if cell is None:
            raise ValueError(f"systems.txt: {name} in '{line}'")
        code = 0 if cell["said"] == "yes" else int(cell["said"])
        found[name] = Cell(code=code, note=cell["note"] or "")
    return found


def section() -> list[str]:
    """The table with its notes, as roff source."""
    told = (
        line for letter, note in notes().items() for line in roff.item(letter, roff.prose(note))
    )
    return [*roff.paragraphs(_INTRO), ".sp", *roff.verbatim(text()), *told]
