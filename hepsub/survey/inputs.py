"""Facts about inputs in S3 and on disk: does each exist, how large is it, can a directory be copied whole."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from hepsub.errors import (
    InputsMissing,
    StorageRefused,
    StorageUnreachable,
    UnknownStorage,
    UsageError,
)
from hepsub.job import JobSpec
from hepsub.plan.checks import check_storages
from hepsub.plan.existing import COPIED_FILES
from hepsub.plan.facts import FileFact
from hepsub.plan.location import FilePlace, ObjectPlace, Place, find_place
from hepsub.plan.objects import ObjectInfo
from hepsub.plan.template import Values, parse_template
from hepsub.policy.model import Policy
from hepsub.storage.store import Store
from hepsub.storage.trouble import LATER

_NAMED = 10
_REMEDY = "correct -in or the list; -nocheck submits without looking"
_PATTERN = "; a pattern stands behind -list: -list 's3://bucket/dir/*.root' -in %{item}"
_NOTHING_KNOWN: Mapping[ObjectPlace, ObjectInfo] = MappingProxyType({})


def look_up_inputs(
    places: Iterable[Place],
    store_of: Callable[[str], Store],
    known: Mapping[ObjectPlace, ObjectInfo] = _NOTHING_KNOWN,
    remedy: str = _REMEDY,
) -> dict[ObjectPlace, ObjectInfo]:
    """What is known of the inputs; objects that are known already are not asked for again.

    Raises:
        InputsMissing: some do not exist or cannot be read; all of them are named.
        StorageRefused, StorageUnreachable: a storage cannot be asked.
    """
    wanted = dict.fromkeys(places)
    found = {
        each: known[each] for each in wanted if isinstance(each, ObjectPlace) and each in known
    }
    by_storage: defaultdict[str, list[ObjectPlace]] = defaultdict(list)
    missing: list[str] = []
    for place in (each for each in wanted if each not in found):
        if isinstance(place, ObjectPlace):
            by_storage[place.storage].append(place)
        elif (trouble := _trouble(place.path)) is not None:
            missing.append(f"{place}{trouble}")
    for name, group in by_storage.items():
        # A storage may list a directory instead of asking for each object.
        for place, fact in _look_up(store_of(name), group).items():
            if fact is None:
                missing.append(str(place))
            else:
                found[place] = fact
    if missing:
        raise missing_inputs(missing, remedy)
    return found


def remedy_for(spec: JobSpec) -> str:
    """What to do when inputs are missing."""
    doubtful = next((each for each in spec.inputs if each.whole), None)
    if doubtful is None:
        return _REMEDY
    return (
        f"{_REMEDY}; behind the last '=' stands the name in the job, for there is no {doubtful.whole}: where it"
        f" belongs to the URL, write -in '{doubtful.whole}='"
    )


def whole_inputs(
    spec: JobSpec, policy: Policy, cwd: Path, first: Values, store_of: Callable[[str], Store]
) -> frozenset[str]:
    """Of the texts URL=NAME behind -in those that are a URL as they stand: the first job's exists.

    Raises:
        StorageUnreachable: a storage does not answer.
    """
    if not spec.check_objects:
        return frozenset()
    # Keys may have a = in them (pt=50.root). One job tells: nobody mixes both in one -in.
    doubtful = (each.whole for each in spec.inputs if each.whole)
    return frozenset(text for text in doubtful if _exists(text, policy, cwd, first, store_of))


def _exists(
    text: str, policy: Policy, cwd: Path, first: Values, store_of: Callable[[str], Store]
) -> bool:
    try:
        place = find_place(parse_template(text).fill(first), policy.storage, cwd)
        if isinstance(place, FilePlace):
            return os.path.exists(place.path)
        check_storages([place], policy.storage)
        return _look_up(store_of(place.storage), [place])[place] is not None
    except (UsageError, UnknownStorage, StorageRefused):
        return False  # what it means otherwise is looked at, too, and has its own error


def _look_up(
    store: Store, places: Iterable[ObjectPlace]
) -> Mapping[ObjectPlace, ObjectInfo | None]:
    """What is known of objects; a submission can do without, where nothing better is known than to try again."""
    try:
        return store.look_up(places)
    except StorageUnreachable as error:
        if error.remedy != LATER:
            raise
        raise StorageUnreachable(
            error.message, remedy="try again later; -nocheck submits without looking at the inputs"
        ) from error


def _trouble(path: str) -> str | None:
    """Why a job cannot have a file or directory, as far as it is not seen at a glance; None where it can."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        is_link = os.path.islink(path)  # noqa: PTH114 (Path.is_symlink raises where nobody may look)
        return " (a link that leads nowhere)" if is_link else ""
    # Of a FIFO the other end would be waited for, and a device has no end.
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return " (a FIFO, a socket or a device)"
    return None if os.access(path, os.R_OK) else " (not readable by you)"


def missing_inputs(names: list[str], remedy: str) -> InputsMissing:
    """The error that names them: the first ten, and how many more."""
    shown = "\n  ".join(names[:_NAMED])
    more = f"\n  and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return InputsMissing(
        f"{len(names)} input(s) do not exist or cannot be read:\n  {shown}{more}",
        remedy=remedy + (_PATTERN if any("*" in each for each in names) else ""),
    )


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
    here = (about.st_dev, about.st_ino)  # links are followed, as the copy does
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
