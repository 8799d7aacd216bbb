"""Facts about inputs on this host's file system: how large each is, and whether a directory can be copied whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass

from hepsub.plan.existing import COPIED_FILES
from hepsub.plan.facts import FileFact
from hepsub.plan.location import FilePlace, Place


def weigh_inputs(places: Iterable[Place]) -> dict[str, FileFact]:
    """What is known of files and directories, by path; of devices and of what is gone nothing."""
    found: dict[str, FileFact] = {}
    for path in dict.fromkeys(each.path for each in places if isinstance(each, FilePlace)):
        try:
            about = os.stat(path)
        except OSError:
            continue
        if stat.S_ISREG(about.st_mode):
            found[path] = FileFact(size=about.st_size)
        elif stat.S_ISDIR(about.st_mode):
            found[path] = _weigh_directory(path)
    return found


@dataclass
class _Walk:
    """A walk through a directory, links followed: bytes and entries so far."""

    bytes: int = 0
    entries: int = 1


class _NotWhole(Exception):
    """The directory cannot be copied whole; the words say why."""


def _weigh_directory(path: str) -> FileFact:
    walk = _Walk()
    try:
        _visit(path, walk, frozenset())
    except _NotWhole as reason:
        return FileFact(size=walk.bytes, trouble=str(reason))
    return FileFact(size=walk.bytes)


def _visit(path: str, walk: _Walk, above: frozenset[tuple[int, int]]) -> None:
    """Look at all that is in a directory.

    Raises:
        _NotWhole: something in it cannot be copied.
    """
    try:
        about = os.stat(path)
        with os.scandir(path) as entries:
            inside = list(entries)
    except OSError as error:
        raise _NotWhole(f"{path}: {error.strerror}") from error
    here = (about.st_dev, about.st_ino)
    if here in above:
        raise _NotWhole(f"{path} leads in a circle")
    walk.entries += len(inside)
    if walk.entries > COPIED_FILES:
        raise _NotWhole(f"more than {COPIED_FILES} files")
    for each in inside:
        _weigh_entry(each, walk, above | {here})


def _weigh_entry(entry: os.DirEntry[str], walk: _Walk, above: frozenset[tuple[int, int]]) -> None:
    try:
        about = entry.stat()
    except OSError as error:
        what = "is a link that leads nowhere" if entry.is_symlink() else error.strerror
        raise _NotWhole(f"{entry.path} {what}") from error
    if stat.S_ISDIR(about.st_mode):
        _visit(entry.path, walk, above)
    elif not os.access(entry.path, os.R_OK):
        raise _NotWhole(f"{entry.path} cannot be read by you")
    else:
        walk.bytes += about.st_size
