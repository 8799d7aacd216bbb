"""Facts about the places of outputs: what is there already, and whether a job could write there at all."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from msgspec.structs import replace

from hepsub.errors import HepsubError, KeysRefused, StorageUnreachable
from hepsub.plan.existing import directory_of, is_new, named_keys
from hepsub.plan.facts import OutputFacts
from hepsub.plan.files import Carried
from hepsub.plan.location import FilePlace, ObjectPlace
from hepsub.storage.listing import see_some
from hepsub.storage.lookup import see_listed
from hepsub.storage.page import NotThere
from hepsub.storage.store import Store
from hepsub.survey.lists import pattern
from hepsub.survey.survey import is_directory

_ONE_BY_ONE = 50
"""So many names are looked for by themselves; for more of them in one directory all that is in it is listed."""
_PAGES = 4
"""So much of a listing is read for a pattern: four thousand objects."""
_BUCKETS = 16
"""More buckets, which a list may name, are not looked at: each is a request at least, and the user waits."""

Rules = Sequence[Sequence[Carried]]
"""The outputs of all jobs, those together that come from one -out."""


@dataclass(slots=True)
class _Found:
    """What was found so far."""

    existing: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    no_buckets: list[ObjectPlace] = field(default_factory=list)
    no_places: list[tuple[str, str]] = field(default_factory=list)
    away: set[str] = field(default_factory=set)


def look_at_outputs(rules: Rules, store_of: Callable[[str], Store]) -> OutputFacts:
    """What is at the places of the outputs; nothing is written.

    A storage that does not answer, or does not let us look, is told, and no error: a job may be let in later, or
    bring its outputs home.

    Raises:
        KeysRefused: a storage does not accept the keys.
    """
    found = _Found()
    _look_at_paths(rules, found)
    buckets = _by_bucket(rules)
    for (storage, bucket), group in list(buckets.items())[:_BUCKETS]:
        if storage not in found.away:
            where = ObjectPlace(storage=storage, bucket=bucket, key="")
            _look_at_bucket(where, group, store_of, found)
    if (more := len(buckets) - _BUCKETS) > 0:
        found.unseen.append(
            f"whether outputs exist already was not seen in {more} of {len(buckets)} buckets"
        )
    return OutputFacts(
        existing=tuple(found.existing),
        unseen=tuple(found.unseen),
        no_buckets=tuple(found.no_buckets),
        no_places=tuple(found.no_places),
    )


def _by_bucket(rules: Rules) -> Mapping[tuple[str, str], list[list[Carried]]]:
    """The outputs for S3 by storage and bucket, still in their rules."""
    found: defaultdict[tuple[str, str], defaultdict[int, list[Carried]]]
    found = defaultdict(lambda: defaultdict(list))
    for number, rule in enumerate(rules):
        for each in rule:
            if isinstance(each.place, ObjectPlace):
                found[each.place.storage, each.place.bucket][number].append(each)
    return {where: list(group.values()) for where, group in found.items()}


def _look_at_bucket(
    where: ObjectPlace,
    rules: Rules,
    store_of: Callable[[str], Store],
    found: _Found,
) -> None:
    try:
        store = store_of(where.storage)
        _look_at_objects(store, where, rules, found)
    except NotThere:
        found.no_buckets.append(where)
    except KeysRefused:  # every job's upload would be refused
        raise
    except HepsubError as error:
        found.unseen.append(f"whether outputs exist already was not seen: {error.message}")
        if isinstance(error, StorageUnreachable):
            found.away.add(where.storage)


def _look_at_objects(store: Store, where: ObjectPlace, rules: Rules, found: _Found) -> None:
    """Look for the objects of one bucket.

    Raises:
        NotThere: there is no such bucket.
        HepsubError: it cannot be looked.
    """
    groups = [named_keys(rule) for rule in rules]
    seen, unsure = see_listed(store, where.bucket, groups)
    keys = set(seen)
    if len(unsure) > _ONE_BY_ONE:
        found.unseen.append(
            f"whether {len(unsure)} outputs in {where} exist already was not seen: too many other objects are there"
        )
    elif unsure:
        places = [replace(where, key=key) for key in sorted(unsure)]
        keys |= {place.key for place, fact in store.look_up(places).items() if fact is not None}
    patterns = _patterns(rules)
    for name, prefix in patterns:
        below, _ = see_some(store, where.bucket, prefix, pages=_PAGES)
        keys |= {key for key in below if _matches(key, name)}
    if not any(groups) and not patterns:
        # All are new (%{Uuid} or %{ClusterId} is in their names), and only the bucket is to be seen: below what they
        # begin with, for keys that may list nothing else.
        see_some(store, where.bucket, _common_start(rules), pages=1)
    found.existing += [str(replace(where, key=key)) for key in sorted(keys)]


def _patterns(rules: Rules) -> list[tuple[str, str]]:
    """The patterns whose matches may replace something, and the prefixes that they go to."""
    found = {
        (each.name, each.place.key)
        for rule in rules
        for each in rule
        if isinstance(each.place, ObjectPlace) and each.is_pattern and not is_new(each)
    }
    return sorted(found)


def _common_start(rules: Rules) -> str:
    """What the first output's key begins with, whatever the cluster's id will be."""
    keys = [each.place.key for each in rules[0] if isinstance(each.place, ObjectPlace)]
    return keys[0].partition("%{")[0]


def _matches(path: str, name: str) -> bool:
    """Whether a file or object is what a pattern's match would replace."""
    return pattern(PurePosixPath(name).name).fullmatch(PurePosixPath(path).name) is not None


def _look_at_paths(rules: Rules, found: _Found) -> None:
    by_directory: defaultdict[str, list[Carried]] = defaultdict(list)
    for each in dict.fromkeys(each for rule in rules for each in rule):
        if isinstance(each.place, FilePlace):
            by_directory[directory_of(each)].append(each)
    troubles: dict[str, str] = {}
    for directory, group in by_directory.items():
        trouble = _trouble(directory, troubles)
        if trouble:
            found.no_places.append((directory, trouble))
        elif is_directory(directory):
            found.existing += _existing_files(directory, group)


def _existing_files(directory: str, group: Sequence[Carried]) -> Iterable[str]:
    old = [each for each in group if not is_new(each)]
    patterns = {each.name for each in old if each.is_pattern}
    named = {
        each.place.path: each.name
        for each in old
        if isinstance(each.place, FilePlace) and not each.is_pattern
    }
    if patterns or len(named) > _ONE_BY_ONE:
        try:
            with os.scandir(directory) as entries:
                inside = [f"{directory.rstrip('/')}/{each.name}" for each in entries]
        except OSError:  # one that may be written, but not read: what is there cannot be seen
            return ()
    else:
        inside = [path for path in named if os.path.lexists(path)]
    found = {_replaced(path, named[path]) for path in inside if path in named}
    matched = (path for path in inside if any(_matches(path, each) for each in patterns))
    found |= {path for path in matched if not is_directory(path)}
    return sorted(found - {""})


def _replaced(path: str, name: str) -> str:
    """What an output replaces where something is already; empty for nothing: a directory takes it in."""
    if not is_directory(path):
        return path
    inside = f"{path.rstrip('/')}/{PurePosixPath(name).name}"
    return inside if os.path.lexists(inside) and not is_directory(inside) else ""


def _trouble(directory: str, known: dict[str, str]) -> str:
    """Why no file can be put into a directory, which is made where it is missing; empty when it can.

    Args:
        directory: absolute.
        known: what was found of directories before; it is added to.
    """
    if directory not in known:
        if is_directory(directory):
            able = os.access(directory, os.W_OK | os.X_OK)
            known[directory] = "" if able else f"{directory} is not writable by you"
        elif os.path.lexists(directory):
            known[directory] = f"{directory} is no directory"
        else:
            known[directory] = _trouble(os.path.dirname(directory), known)
    return known[directory]
