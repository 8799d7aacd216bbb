"""Facts about the paths that a job names: which of them are on this host."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from hepsub.plan.draft import Draft
from hepsub.plan.environment import without_own
from hepsub.plan.portability import (
    SEARCH_PATHS,
    Mention,
    Use,
    is_everywhere,
    paths_in,
    paths_of_argument,
)
from hepsub.plan.template import parse_template

_READ_BYTES = 2**20
"""So much of a script is read."""
_SCRIPTS = 5
_PATHS = 200
"""So many scripts are read, and paths looked for, at the most."""


def look_at_mentions(made: Draft) -> tuple[Mention, ...]:
    """The paths in arguments, scripts and search paths that are here: those of the first job, each once."""
    home = str(made.situation.home)
    mentions = itertools.chain(
        _in_arguments(made, home),
        *(_in_script(path, home) for path in made.programs[:_SCRIPTS]),
        _in_environment(made),
    )
    first: dict[str, Mention] = {}
    for each in mentions:
        first.setdefault(each.path, each)
    there = (_as_found(each) for each in itertools.islice(first.values(), _PATHS))
    return tuple(each for each in there if each is not None)


def _in_arguments(made: Draft, home: str) -> Iterator[Mention]:
    for said in made.spec.arguments:
        value = str(parse_template(said).fill_known(made.jobs[0]))
        yield from paths_of_argument(said, value, home)


def _in_script(path: str, home: str) -> Iterator[Mention]:
    # Not by Path, which raises where its user may not look; of a FIFO the other end would be waited for.
    if not os.path.isfile(path):
        return
    try:
        with open(path, "rb") as file:
            text = file.read(_READ_BYTES)
    except (OSError, ValueError):
        return
    if b"\0" not in text:
        yield from paths_in(text.decode("utf-8", "replace"), Path(path).name, home)


def _in_environment(made: Draft) -> Iterator[Mention]:
    """The directories of search paths that travel, less those in which programs keep what they installed for a user."""
    request, own = made.spec.environment, without_own(made.situation)
    said = {name: own.get(name) if value is None else value for name, value in request.named}
    for name in SEARCH_PATHS:
        value = said.get(name, own.get(name) if request.inherit else None)
        for path in (value or "").split(":"):
            if path.startswith("/") and "/." not in path and not is_everywhere(path):
                yield Mention(path=path, use=Use.SEARCH, source=name)


def _as_found(each: Mention) -> Mention | None:
    """A path as it is here; None for one that is not, and is not written either."""
    if os.path.isdir(each.path):  # noqa: PTH112 (as above)
        return replace(each, is_directory=True)
    written = each.use is Use.WRITE and os.path.isdir(os.path.dirname(each.path))  # noqa: PTH112
    if written or os.path.exists(each.path):
        return each
    return None
