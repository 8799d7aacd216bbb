"""`pending.tsv`: a job's outputs that HTCondor returned and that belong elsewhere (worker/README.md).

PATH, SIZE, MD5, DESTINATION; its last line is perhaps the marker, which tells that all outputs of the job
are in their place. A job can write what it likes there: a line counts only as far as the job's report and the
submission's request say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from hepsub.bundle.report import REPORT, RETURNED, Report, as_reported
from hepsub.bundle.returned import OUTPUTS, content_at
from hepsub.documents import Malformed
from hepsub.plan.objects import ObjectInfo
from hepsub.tree import Tree, components

PENDING = "pending.tsv"
_LARGEST = 64 * 2**20
_MOST_LINES = 200_000
_LONGEST_NAME, _LONGEST_PART, _LONGEST_DESTINATION = 4096, 255, 16384
_SIZE = re.compile(r"[0-9]{1,18}")
_DIGEST = re.compile(r"[0-9a-f]{32}|-")
_ESCAPES = {"%09": "\t", "%0a": "\n", "%0A": "\n", "%25": "%"}
_ESCAPE = re.compile("%.{0,2}", re.DOTALL)


class Pending(Struct, frozen=True, kw_only=True):
    """An output that was returned instead of put into its place.

    Attributes:
        line: its line in the list.
        name: its name below `outputs`; of the marker, the report's.
        size: its size in bytes; None for the marker.
        md5: its MD5, in hex; empty for not known.
        destination: its URL without signature, or its path.
    """

    line: str
    name: str
    size: int | None
    md5: str
    destination: str

    @property
    def is_marker(self) -> bool:
        """Whether it tells that the others are in their place; an output may be called report.json, too."""
        return self.size is None

    @property
    def path(self) -> str:
        """The file, in what the job brought back."""
        return self.name if self.is_marker else f"{OUTPUTS}/{self.name}"

    def is_what(self, fact: ObjectInfo) -> bool:
        """Whether an object is this file, as far as size and ETag tell."""
        return fact.size == self.size and (not (self.md5 and fact.md5) or fact.md5 == self.md5)


def read_pending(content: bytes) -> tuple[tuple[Pending, ...], tuple[str, ...]]:
    """The lines of a list; and what is wrong with those that cannot be used, in words.

    Raises:
        Malformed: it is no list, but something larger.
    """
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    if len(content) > _LARGEST or len(lines) > _MOST_LINES:
        raise Malformed(f"{PENDING} has more than {_MOST_LINES} lines, or {_LARGEST} bytes")
    found, troubles = [], []
    for number, line in enumerate(lines, start=1):
        try:
            found += [_pending(line)] if line else []
        except (Malformed, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            troubles.append(f"line {number} of {PENDING} was not used: {why}")
    return tuple(found), tuple(troubles)


def pending_at(tree: Tree) -> tuple[tuple[Pending, ...], tuple[str, ...]]:
    """The list in what a job brought back, as `read_pending` has it.

    Raises:
        Malformed: it cannot be used.
    """
    return read_pending(content_at(tree, PENDING, _LARGEST) or b"")


def confirmed(listed: Iterable[Pending], report: Report) -> list[Pending]:
    """The lines of which the report says the same; others, and their files, are an earlier run's."""
    return [each for each in listed if _is_confirmed(each, report)]


def _is_confirmed(each: Pending, report: Report) -> bool:
    if each.is_marker:
        return report.owes_marker
    return any(
        said.state == RETURNED
        and said.url == as_reported(each.destination)
        # `-` where the worker node had nothing to compute it with.
        and (not each.md5 or said.md5 == each.md5)
        for said in report.outputs_named(each.name)
    )


def write_pending(tree: Tree, left: Iterable[Pending]) -> None:
    """Write what is still pending, line by line as the wrapper wrote it; a list of nothing is removed.

    Raises:
        OSError: it cannot be written.
    """
    text = "".join(f"{each.line}\n" for each in left)
    if text:
        tree.write(PENDING, text, 0o600)
    else:
        tree.remove(PENDING)


def _pending(line: str) -> Pending:
    fields = line.split("\t")
    if len(fields) != 4:
        raise Malformed(f"it has {len(fields)} fields, not 4")
    path, size, md5, destination = fields
    path, destination = _decoded(path), _decoded(destination)
    if not 0 < len(destination) <= _LONGEST_DESTINATION:
        raise Malformed("its destination is none")
    if fields[:3] == [REPORT, "-", "-"]:  # an output of this name would be `outputs/report.json`
        return Pending(line=line, name=REPORT, size=None, md5="", destination=destination)
    directory, *parts = components(path)
    if directory != OUTPUTS or not parts or len(path) > _LONGEST_NAME:
        raise Malformed(f"it names nothing below {OUTPUTS}")
    if any(len(part.encode("utf-8", "surrogateescape")) > _LONGEST_PART for part in parts):
        raise Malformed("no file can have its name")
    if not _SIZE.fullmatch(size) or not _DIGEST.fullmatch(md5):
        raise Malformed("its size or its MD5 is none")
    return Pending(
        line=line,
        name="/".join(parts),
        size=int(size),
        md5=md5.removeprefix("-"),
        destination=destination,
    )


def _decoded(text: str) -> str:
    def decode(found: re.Match[str]) -> str:
        if found.group() not in _ESCAPES:
            raise Malformed("it has a '%' that stands for nothing")
        return _ESCAPES[found.group()]

    return _ESCAPE.sub(decode, text)
