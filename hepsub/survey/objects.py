"""Facts about inputs in S3 and on disk: does each exist, how large is it; all that are missing at once."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable

from hepsub.errors import InputsMissing
from hepsub.plan.place import FilePlace, ObjectPlace, Place
from hepsub.plan.staging import ObjectFact
from hepsub.storage.s3 import Store

_NAMED = 10


def look_up_inputs(
    places: Iterable[Place], store_of: Callable[[str], Store]
) -> dict[ObjectPlace, ObjectFact]:
    """What is known of the inputs.

    Args:
        places: where the inputs of all jobs are.
        store_of: gives a storage with its keys by its name.

    Raises:
        InputsMissing: some do not exist or cannot be read; all of them are named.
        StorageRefused, StorageUnreachable: a storage cannot be asked.
    """
    wanted = dict.fromkeys(places)
    by_storage: defaultdict[str, list[ObjectPlace]] = defaultdict(list)
    missing: list[str] = []
    for place in wanted:
        if isinstance(place, ObjectPlace):
            by_storage[place.storage].append(place)
        elif not _is_readable(place):
            missing.append(str(place))
    found: dict[ObjectPlace, ObjectFact] = {}
    for name, group in by_storage.items():
        for place, fact in store_of(name).look_up(group).items():
            if fact is None:
                missing.append(str(place))
            else:
                found[place] = fact
    if missing:
        raise _missing(missing)
    return found


def _is_readable(place: FilePlace) -> bool:
    return os.path.exists(place.path) and os.access(place.path, os.R_OK)


def _missing(names: list[str]) -> InputsMissing:
    shown = "\n  ".join(names[:_NAMED])
    more = f"\n  and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return InputsMissing(
        f"{len(names)} input(s) do not exist or cannot be read:\n  {shown}{more}",
        remedy="correct -in or the list; -nocheck submits without looking",
    )
