"""Paths that stand for objects at a remote site: `/besfs/run.raw` is `herd:besfs/run.raw` there. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from hepsub.policy.site import Site

Paths: TypeAlias = tuple[tuple[str, str], ...]
"""Directories and what their files stand for, the longest directory first."""


def path_map(site: Site) -> Paths:
    """What a site says of its paths."""
    return tuple(sorted(site.paths.items(), key=lambda each: -len(each[0])))


def covered(path: str, paths: Paths) -> bool:
    """Whether a path stands for an object."""
    return bool(directory_of(path, paths))


def used_of(paths: Paths, files: Iterable[str]) -> Paths:
    """Those directories that stand for something in the places of these files."""
    # Of 10,000 files nearly all lie in one directory: once that is found, the rest is one test each.
    left = {directory for directory, _ in paths}
    found: set[str] = set()
    for file in files:
        if not left:
            break
        if file.startswith(tuple(left)):
            found.add(directory_of(file, paths))
            left -= found
    return tuple((directory, url) for directory, url in paths if directory in found)


def directory_of(file: str, paths: Paths) -> str:
    """The directory that decides what a path stands for; empty for none, as for a path that no key can hold."""
    # HTTP clients fold `.` and `..` in a URL, and the signature no longer fits.
    found = next((directory for directory, _ in paths if file.startswith(directory)), "")
    if found and file.isprintable() and {".", ".."}.isdisjoint(file.split("/")):
        return found
    return ""


def object_url(path: str, paths: Paths) -> str:
    """The URL of the object that an absolute path stands for; empty for none."""
    directory = directory_of(path, paths)
    return dict(paths)[directory] + path.removeprefix(directory) if directory else ""
