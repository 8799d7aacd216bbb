"""Paths that stand for objects at a remote site: `/besfs/run.raw` is `herd:besfs/run.raw` there. Pure."""

from __future__ import annotations

from typing import TypeAlias

from hepsub.policy.site import Site

Paths: TypeAlias = tuple[tuple[str, str], ...]
"""Directories and what their files stand for, the longest directory first."""


def path_map(site: Site) -> Paths:
    """What a site says of its paths."""
    return tuple(sorted(site.paths.items(), key=lambda each: -len(each[0])))


def covered(path: str, paths: Paths) -> bool:
    """Whether a path stands for an object."""
    return any(path.startswith(directory) for directory, _ in paths)


def object_url(path: str, paths: Paths) -> str:
    """The URL of the object that an absolute path stands for; empty for none."""
    for directory, url in paths:
        if path.startswith(directory):
            return url + path.removeprefix(directory)
    return ""
