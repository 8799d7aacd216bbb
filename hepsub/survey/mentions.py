"""Facts about the paths that a job names: which of them are on this host."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from hepsub.job import JobSpec
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
from hepsub.situation import Situation
from hepsub.survey.survey import head_of, is_directory

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
    text = head_of(path, _READ_BYTES).decode("utf-8", "replace")
    return paths_in(text, path.rpartition("/")[2], home)


def _in_environment(made: Draft) -> Iterator[Mention]:
    """The directories of search paths that travel, less those in which programs keep what they installed for a user."""
    variables = job_environment(made.spec, made.situation)
    for name in SEARCH_PATHS:
        for path in variables.get(name, "").split(":"):
            if path.startswith("/") and "/." not in path and not is_everywhere(path):
                yield Mention(path=path, use=Use.SEARCH, source=name)


def _as_found(each: Mention) -> Mention | None:
    """A path as it is here; None for one that is not, and is not written either."""
    if is_directory(each.path):
        return replace(each, is_directory=True)
    directory = os.path.dirname(each.path.rstrip("/"))
    is_made = each.use is Use.WRITE and is_directory(directory)
    return each if is_made or os.path.exists(each.path) else None


def job_environment(spec: JobSpec, situation: Situation) -> Mapping[str, str]:
    """The variables that the jobs have at home."""
    own = without_own(situation)
    named = {
        name: own.get(name, "") if value is None else value
        for name, value in spec.environment.named
    }
    return {**(own if spec.environment.inherit else {}), **named}
