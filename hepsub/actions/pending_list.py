"""The list of a job's outputs that are at home instead of in their place, as its report confirms it.

`home/home.PROC/pending.tsv` (worker/README.md): PATH, SIZE, MD5, DESTINATION; its last line is perhaps the
marker, which tells that all outputs of the job are in their place. A line counts if the report beside it says
the same: the list, and the files, of an earlier run may still be there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hepsub.actions.home import OUTPUTS
from hepsub.actions.home_report import HomeReport, report_at
from hepsub.actions.stage import Stores
from hepsub.bundle.bundle import Bundle, marker_place
from hepsub.errors import InputsMissing
from hepsub.plan.place import ObjectPlace
from hepsub.plan.staging import ObjectFact
from hepsub.storage.page import is_md5

PENDING = "pending.tsv"
_ESCAPES = (("%09", "\t"), ("%0a", "\n"), ("%0A", "\n"), ("%25", "%"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An output that is at home instead of in its place.

    Attributes:
        path: the file.
        line: its line in the list.
        size: its size in bytes; None for the marker.
        md5: its MD5, in hex; `-` for not known.
        destination: its URL without signature, or its path.
    """

    path: Path
    line: str
    size: int | None
    md5: str
    destination: str

    @property
    def is_marker(self) -> bool:
        """Whether it tells that the others are in their place; an output may be called report.json, too."""
        return self.size is None

    def is_what(self, fact: ObjectFact) -> bool:
        """Whether an object is this file, as far as size and ETag tell."""
        known = is_md5(self.md5) and fact.md5
        return fact.size == self.size and (not known or fact.md5 == self.md5)


def pending_of(home: Path) -> tuple[Pending, ...]:
    """What is still at home in a job's directory, as list and report tell."""
    report = report_at(home)
    return tuple(each for each in listed(home) if report is not None and _holds(report, home, each))


def listed(home: Path) -> tuple[Pending, ...]:
    """What the list in a job's directory names, whichever run it is of."""
    try:
        text = (home / PENDING).read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ()
    return tuple(
        Pending(
            path=home / _plain(fields[0]),
            line=line,
            size=int(fields[1]) if fields[1].isdecimal() else None,
            md5=fields[2],
            destination=_plain(fields[3]),
        )
        for line in text.split("\n")
        if len(fields := line.split("\t")) == 4 and _is_inside(_plain(fields[0]))
    )


def _holds(report: HomeReport, home: Path, each: Pending) -> bool:
    if each.is_marker:
        return report.owes_marker
    below = home / OUTPUTS
    if not each.path.is_relative_to(below):
        return False
    return report.came_home(each.path.relative_to(below).as_posix(), each.destination, each.md5)


def check_content(each: Pending) -> None:
    """Make sure that a file is the one of its list: a transfer that broke mixes the files of two runs.

    Raises:
        InputsMissing: it is not, or it is none that can be an object.
    """
    if not each.path.is_file():
        raise InputsMissing(f"{each.path} is no file, and cannot be an object: it stays there")
    with each.path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        digest = hashlib.file_digest(file, "md5").hexdigest() if is_md5(each.md5) else each.md5
    if (size, digest) != (each.size, each.md5):
        raise InputsMissing(
            f"{each.path} is not the file that the job's report tells of ({size} bytes, MD5 {digest}): it stays there"
        )


def goals_of(stores: Stores, bundle: Bundle, cluster: int, proc: int) -> dict[str, ObjectPlace]:
    """The objects, and directories for patterns, that a job was to write, by their URLs without signature."""
    request = bundle.request
    outputs = request.staging.outputs_of(request.values(proc, cluster))
    objects = [each.place for each in outputs if isinstance(each.place, ObjectPlace)]
    marker = marker_place(outputs, request.uuid, proc)
    wanted = [*objects, *([marker] if marker is not None else [])]
    return {stores.store(place.storage).url(place.bucket, place.key): place for place in wanted}


def place_of(destination: str, goals: Mapping[str, ObjectPlace]) -> ObjectPlace | None:
    """The object that a URL without signature means; None for a path."""
    if destination in goals:
        return goals[destination]
    for url, place in goals.items():
        if place.is_prefix and destination.startswith(url):
            return replace(place, key=place.key + destination.removeprefix(url))
    return None


def _is_inside(path: str) -> bool:
    """Whether a path stays below where it begins."""
    return not path.startswith("/") and ".." not in path.split("/")


def _plain(text: str) -> str:
    for escaped, character in _ESCAPES:
        text = text.replace(escaped, character)
    return text
