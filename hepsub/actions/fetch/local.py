"""Files that are on this machine already: compared with what there is, and copied from the bundle."""

from __future__ import annotations

import hashlib
import os
import stat
from io import BufferedReader
from pathlib import Path

from msgspec.structs import replace

from hepsub.actions.fetch.result import Here, Local, Output
from hepsub.bundle.returned import ReturnedFile
from hepsub.plan.location import ObjectPlace
from hepsub.storage.landing import Landing, obstacle_text

_CHUNK = 2**20
_NOT_IT = "it came home, but is not the file that the job's report tells of: an earlier run may have left it"
_SAME_TIME_S = 2.0
"""File systems round the times of files."""


def compare(output: Output, landing: Landing) -> tuple[Here, str]:
    """How the file here stands to an output; and what is wrong, in words.

    Size and checksum decide; the time of the last change, which a transfer sets, where there is no checksum.
    """
    try:
        there = landing.look()
        if there is None:
            return Here.ABSENT, ""
        if stat.S_ISDIR(there.st_mode):
            return Here.FAILED, "a directory is in the way"
        if not stat.S_ISREG(there.st_mode):
            return Here.DIFFERENT, "what is here is no regular file"
        if there.st_size != output.size:
            return Here.DIFFERENT, f"the file here has {there.st_size} bytes, not {output.size}"
        return _compare_content(output, landing, there.st_mtime)
    except OSError as error:
        return Here.FAILED, f"it cannot be compared: {obstacle_text(error)}"


def _compare_content(output: Output, landing: Landing, modified: float) -> tuple[Here, str]:
    wanted = output.md5
    if not wanted and not isinstance(output.source, ObjectPlace):
        with _open(output.source) as file:
            wanted = hashlib.file_digest(file, "md5").hexdigest()
    if wanted:
        with os.fdopen(landing.open(), "rb") as file:
            same = hashlib.file_digest(file, "md5").hexdigest() == wanted
        return (Here.EQUAL, "") if same else (Here.DIFFERENT, "the file here has other contents")
    if output.modified and abs(output.modified - modified) < _SAME_TIME_S:
        return Here.EQUAL, ""
    return (
        Here.DIFFERENT,
        "the file here is as large, but of another time, and there is no checksum",
    )


def copy_home(file: Local, landing: Landing) -> Local:
    """Copy a file that came home; whole, or not at all."""
    source = file.output.source
    assert not isinstance(source, ObjectPlace)  # noqa: S101 (objects are fetched)
    try:
        with landing.open_part() as part, _open(source) as origin:
            if part.size:
                os.ftruncate(part.descriptor, 0)
            digest = hashlib.md5(usedforsecurity=False)
            while piece := origin.read(_CHUNK):
                digest.update(piece)
                _write(part.descriptor, piece)
            if file.output.md5 not in ("", digest.hexdigest()):
                return replace(file, here=Here.FAILED, trouble=_NOT_IT)
            part.finish(file.output.modified)
    except OSError as error:
        return replace(
            file, here=Here.FAILED, trouble=f"it cannot be copied: {obstacle_text(error)}"
        )
    return replace(file, here=Here.FETCHED)


def _open(source: ReturnedFile | Path) -> BufferedReader:
    return source.open() if isinstance(source, ReturnedFile) else source.open("rb")


def _write(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]
