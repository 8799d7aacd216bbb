"""Paths of this host that a job names and would not find at a site without this host's file system. Pure."""

from __future__ import annotations

import enum
import os
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct

from hepsub.plan.location import absolute
from hepsub.terminal import few

if TYPE_CHECKING:
    from hepsub.plan.draft import Draft
    from hepsub.plan.facts import Facts
    from hepsub.plan.model import Route

SEARCH_PATHS = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH")
"""The variables of the environment whose directories are looked for."""
_EVERYWHERE = frozenset({
    "bin", "boot", "cvmfs", "dev", "etc", "lib", "lib32", "lib64", "opt", "proc", "run", "sbin", "sys", "tmp", "usr",
    "var",
})  # fmt: skip
"""What every machine has of its own."""
_SHOWN = 5
_DIRECTORIES_SHOWN = 3

_PATH = re.compile(
    r"(?:^|(?<=[\s\"'=:,(<>\[{;|&`]))(~|\$HOME|\$\{HOME\})?((?:/[\w.+@~-]+)+/?)(?=([$*?{\[]|%\{)?)"
)
"""A path of its own: not a part of a URL or of a pattern, perhaps with a variable behind it."""
_WRITTEN = re.compile(r"(?:>|\s-o|\s--?out\w*[= ])\s*[\"']?$")
_COPIED = re.compile(r"\b(?:cp|mv|rsync|xrdcp)\s[^;|&]*\s[\"']?$")
_SEARCHED = re.compile(r"\b(?:PATH|\w+_PATH|PYTHONPATH|LD_PRELOAD)\b|sys\.path")


class Use(enum.Enum):
    """What a job seems to do with a path, and so what mends it."""

    READ = "names"
    WRITE = "writes to"
    SEARCH = "looks for programs and libraries in"


class Mention(Struct, frozen=True, kw_only=True):
    """A path that a job names.

    Attributes:
        source: the script, or the variable of the environment; empty for an argument.
        line: its line in the script; 0 elsewhere.
        said: the argument as it was written; empty elsewhere.
    """

    path: str
    use: Use = Use.READ
    source: str = ""
    line: int = 0
    said: str = ""
    is_directory: bool = False


def paths_in(text: str, source: str, home: str) -> Iterator[Mention]:
    """The paths in a script of this name that are not of every machine; `home` is what `~` and `$HOME` stand for."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.lstrip().startswith("#"):  # a path in a comment does nothing
            for path, use in _paths_of(line, home):
                yield Mention(path=path, use=use, source=source, line=number)


def _paths_of(line: str, home: str) -> Iterator[tuple[str, Use]]:
    for found in _PATH.finditer(line):
        path = (home if found[1] else "") + found[2].rstrip(".")
        if found[3]:  # what follows is known to the job alone
            path = path.rpartition("/")[0] + "/"
        if not is_everywhere(path):
            yield path, _use(line[: found.start()], line[found.end() :], line)


def _use(before: str, behind: str, line: str) -> Use:
    if _WRITTEN.search(before):
        return Use.WRITE
    if _COPIED.search(before) and not re.split("[;|&]", behind)[0].strip(" \t\"'"):
        return Use.WRITE
    return Use.SEARCH if _SEARCHED.search(line) else Use.READ


def paths_of_argument(said: str, value: str, home: str) -> Iterator[Mention]:
    """The paths in an argument as the first job gets it: all of it, blanks included, or those within."""
    paths = [value] if value.startswith("/") else [path for path, _ in _paths_of(value, home)]
    whole = len(paths) == 1 and paths[0] == value
    for path in paths:
        if not is_everywhere(path):
            yield Mention(path=path, said=said if whole else path)


def is_everywhere(path: str) -> bool:
    """Whether a path is one that each machine has for itself, or the root of a file system, which says nothing."""
    parts = [part for part in path.split("/") if part]
    return len(parts) < 2 or parts[0] in _EVERYWHERE


def portability_notes(made: Draft, facts: Facts, route: Route) -> Iterator[str]:
    """A sentence for each path that the jobs would not find, and what mends it; the first few, and how many more."""
    if route.delivery.shared or not facts.mentions:
        return
    # All of the sites: of several nobody knows which one a job will see.
    sites = [made.policy.site[name] for name in route.sites]
    # 10,000 jobs may have as many files, and 200 paths are looked for among them: by sets, and not each by each.
    travelling = {os.path.normpath(path) for path in _travelling(made)}
    filled = {above for path in travelling for above in _with_parents(path)}
    lost: dict[str, Mention] = {}
    for each in facts.mentions:
        there = sites and all(is_below(each.path, site.mounts) for site in sites)
        path = os.path.normpath(each.path)
        comes = not travelling.isdisjoint(_with_parents(path))
        if not (there or comes or (each.use is Use.WRITE and path in filled)):
            lost.setdefault(each.path.rstrip("/"), each)
    where = ", ".join(route.sites) or f"the pool {route.pool}"
    named = [each for each in lost.values() if each.source not in SEARCH_PATHS]
    for each in named[:_SHOWN]:
        yield _note(each, where)
    if len(named) > _SHOWN:
        yield f"and {len(named) - _SHOWN} more paths that are not at {where}"
    yield from _search_note([each for each in lost.values() if each.source in SEARCH_PATHS], where)


def _travelling(made: Draft) -> Iterator[str]:
    """The paths that are known to hepsub: inputs, outputs, libraries, programs, the image."""
    spec, cwd = made.spec, made.situation.cwd
    if made.carried is not None:
        yield from made.carried.paths
    yield from (absolute(path, cwd) for path in (*spec.libraries, spec.image or "") if path)
    yield from made.programs


def _with_parents(path: str) -> Iterator[str]:
    """A path, which has no slash at its end, and the directories above it."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def is_below(path: str, directories: Iterable[str]) -> bool:
    """Whether a path is one of these directories, or lies below one."""
    whole = f"{os.path.normpath(path)}/"
    return any(whole.startswith(f"{os.path.normpath(each).rstrip('/')}/") for each in directories)


def _note(each: Mention, where: str) -> str:
    if not each.source:
        path = shlex.quote(each.said.rstrip("/"))
        return f"the argument {each.path} is not at {where}: -in {path} brings it along, {_as(each.path)}"
    what = f"{each.source} {each.use.value} {each.path} (line {each.line}), which is not at {where}"
    path = shlex.quote(each.path.rstrip("/"))  # -in takes no directory with a slash
    if each.use is Use.WRITE:
        into = each.is_directory or each.path.endswith("/")
        name = "NAME" if into else PurePosixPath(each.path).name
        place = f"{each.path.rstrip('/')}/" if into else each.path
        return f"{what}: -out {shlex.quote(f'{name}={place}')} puts the job's file {name} there"
    if each.use is Use.SEARCH and each.is_directory:
        return f"{what}: -lib {path} takes it along"
    return f"{what}: -in {path} brings it along, {_as(each.path)}"


def _as(path: str) -> str:
    return f"as {PurePosixPath(path).name}"


def _search_note(lost: Iterable[Mention], where: str) -> Iterator[str]:
    """One sentence for all variables of the environment."""
    lost = list(lost)
    if not lost:
        return
    names = ", ".join(dict.fromkeys(each.source for each in lost))
    if len(lost) == 1:
        path = shlex.quote(lost[0].path)
        yield f"the directory {lost[0].path} of {names} is not at {where}: -lib {path} takes it along"
        return
    shown = few([each.path for each in lost], _DIRECTORIES_SHOWN)
    yield f"the directories {shown} of {names} are not at {where}: -lib takes one along"
