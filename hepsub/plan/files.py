"""The files of jobs: the rules, what they mean for each job, and which names there may be in a job's directory."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from hepsub.errors import UsageError
from hepsub.job import FileRequest
from hepsub.plan.items import item_names
from hepsub.plan.location import FilePlace, ObjectPlace, Place, find_place, place_finder
from hepsub.plan.remap import Paths, object_url
from hepsub.plan.template import Name, Template, Values, parse_template
from hepsub.policy.model import Storage

_PATTERN = re.compile(r"[*?\[]")
_LONGEST_NAME = 250
"""Bytes: while hep_fetch brings a file, it is called NAME.part."""
_OWN = re.compile(
    r"\.hepsub|home\.\d+|hepsub\.(?:manifest|sums|environment|letters\..*)|items\.txt|hepsub_lib(\..*)?"
    r"|wrapper\.sh|condor_exec\.exe|\.chirp\.config|ca\.[^/]+\.pem"
)
"""Names that hepsub and HTCondor use in the scratch directory."""


class FileRule(Struct, frozen=True, kw_only=True):
    """A file of every job: its name there, and where it is elsewhere, as the texts of templates."""

    name: str
    url: str
    optional: bool = False

    def names(self) -> frozenset[Name]:
        """The names that occur in either.

        Raises:
            UsageError: a name is nearly, but not quite, one that is known.
        """
        return parse_template(self.name).names() | parse_template(self.url).names()

    def with_uuid(self, uuid: str) -> FileRule:
        """The rule of one submission, whose UUID is no name any more."""
        name, url = parse_template(self.name), parse_template(self.url)
        return replace(self, name=str(name.with_uuid(uuid)), url=str(url.with_uuid(uuid)))


def file_rule(request: FileRequest) -> FileRule:
    """The rule of what the user wrote after -in or -out.

    Raises:
        UsageError: a name in it is nearly, but not quite, one that is known.
    """
    return FileRule(
        name=str(parse_template(request.name)),
        url=str(parse_template(request.url)),
        optional=request.optional,
    )


class Carried(Struct, frozen=True, kw_only=True):
    """A file of one job.

    Attributes:
        name: its name in the job's directory; for outputs perhaps a shell pattern.
        place: where it is, or has to go.
        optional: whether it may be missing.
    """

    name: str
    place: Place
    optional: bool = False

    @property
    def is_pattern(self) -> bool:
        """Whether the name is a shell pattern."""
        return is_pattern(self.name)


Rows: TypeAlias = tuple[tuple[Carried, ...], ...]
"""The files of each of several jobs."""


class CarriedFiles(Struct, frozen=True, kw_only=True):
    """The inputs and outputs of each of several jobs, in the order of the jobs."""

    inputs: Rows
    outputs: Rows

    @property
    def places(self) -> Iterator[Place]:
        """Where all of them are."""
        return (each.place for row in (*self.inputs, *self.outputs) for each in row)

    @property
    def paths(self) -> Iterator[str]:
        """The places that are paths."""
        return (each.path for each in self.places if isinstance(each, FilePlace))


class Naming(Struct, frozen=True, kw_only=True):
    """What URLs mean.

    Attributes:
        cwd: what relative paths begin at.
        paths: the directories whose files are objects where the jobs run, and what they stand for.
    """

    storages: Mapping[str, Storage]
    cwd: Path
    paths: Paths = ()

    def find(self, url: str) -> Place:
        """Where a URL leads.

        Raises:
            UnknownStorage, UsageError: it is none that hepsub understands.
        """
        return self._there(find_place(url, self.storages, self.cwd))

    def finder(self, start: str) -> Callable[[str], Place]:
        """`find` for URLs that begin alike."""
        find = place_finder(start, self.storages, self.cwd)
        return (lambda url: self._there(find(url))) if self.paths else find

    def _there(self, place: Place) -> Place:
        if not self.paths or isinstance(place, ObjectPlace):
            return place
        url = object_url(place.path, self.paths)
        return find_place(url, self.storages, self.cwd) if url else place


def carried_files(
    inputs: Iterable[FileRule], outputs: Iterable[FileRule], jobs: Sequence[Values], naming: Naming
) -> CarriedFiles:
    """The inputs and outputs of each job.

    Raises:
        UnknownStorage, UsageError: a URL is none that hepsub understands, or a name none that a file can have.
    """
    # Rule by rule, not job by job: what all jobs have in common is worked out once for 10,000 of them.
    into = [_outputs(rule, jobs, naming) for rule in outputs]
    out_of = [_inputs(rule, jobs, naming) for rule in inputs]
    none: Rows = ((),) * len(jobs)
    return CarriedFiles(
        inputs=tuple(tuple(itertools.chain(*row)) for row in zip(none, *out_of, strict=True)),
        outputs=tuple(zip(*into, strict=True)) if into else none,
    )


def _places(template: Template, jobs: Sequence[Values], naming: Naming) -> list[Place]:
    urls = template.fill_all(jobs)
    find = naming.finder(template.start)
    if not template.names() and urls:
        return [find(urls[0])] * len(urls)
    return [find(url) for url in urls]


def _inputs(rule: FileRule, jobs: Sequence[Values], naming: Naming) -> list[tuple[Carried, ...]]:
    """The files that one rule means for each job: one, or for `%{items}` all of the job's items."""
    url = parse_template(rule.url)
    if url.is_list:
        return [_items(url.listed(values), naming) for values in jobs]
    places = _places(url, jobs, naming)
    names = parse_template(rule.name).fill_all(jobs)
    return [(each,) for each in _checked(names, places)]


def _items(urls: Sequence[str], naming: Naming) -> tuple[Carried, ...]:
    """All of the job's items, for `%{items}`."""
    places = [naming.find(url) for url in urls]
    return tuple(_checked(item_names([_path_of(each) for each in places]), places))


def _checked(names: Sequence[str], places: Sequence[Place]) -> list[Carried]:
    """Inputs: with the last part of the place as its name, where none was given."""
    for each in places:
        _check_input(each)
    names = [
        name or PurePosixPath(_path_of(each)).name for name, each in zip(names, places, strict=True)
    ]
    _check_names(names)
    return [Carried(name=name, place=each) for name, each in zip(names, places, strict=True)]


def _check_input(place: Place) -> None:
    if place.is_prefix:
        raise UsageError(f"-in {place}: that is a directory", remedy="name one file of it")


def _path_of(place: Place) -> str:
    return f"{place.bucket}/{place.key}" if isinstance(place, ObjectPlace) else place.path


def _outputs(rule: FileRule, jobs: Sequence[Values], naming: Naming) -> list[Carried]:
    names = parse_template(rule.name).fill_all(jobs)
    _check_names(names)
    patterns = {name for name in set(names) if is_pattern(name)}
    places = _places(parse_template(rule.url), jobs, naming)
    return [
        Carried(
            name=name,
            place=_for_pattern(name, place) if name in patterns else _completed(place, name),
            optional=rule.optional,
        )
        for name, place in zip(names, places, strict=True)
    ]


def _for_pattern(name: str, place: Place) -> Place:
    # The wrapper lets sh match it, and a worker node's sh is dash, bash or busybox.
    if "\\" in name:
        raise UsageError(
            f"-out {name}={place}: shells disagree about a backslash in a pattern",
            remedy="write [*], [?] or ? for the character itself",
        )
    if not place.is_prefix:
        raise UsageError(
            f"-out {name}={place}: a pattern needs a directory to go to",
            remedy=f"-out '{name}={place}/'",
        )
    return place


def _completed(place: Place, name: str) -> Place:
    """Where an output goes: into a directory under its own last name."""
    if not place.is_prefix:
        return place
    last = PurePosixPath(name).name
    if isinstance(place, ObjectPlace):
        return replace(place, key=place.key + last)
    return FilePlace(path=place.path + last)


def _check_names(names: Iterable[str]) -> None:
    for name in dict.fromkeys(names):
        check_name(name)


def is_pattern(name: str) -> bool:
    """Whether the name of an output is a shell pattern."""
    return _PATTERN.search(name) is not None


def check_name(name: str) -> None:
    """Refuse what is no name inside the job's directory, is hepsub's own, or could not be fetched."""
    parts = PurePosixPath(name).parts
    if not name.isprintable():
        raise UsageError(
            f"{name!r} has a line end or a control character, or is not UTF-8, or has an unusual blank:"
            " hep_fetch brings no such file",
            remedy="choose another name",
        )
    if parts and _OWN.fullmatch(parts[0]):
        raise UsageError(
            f"'{name}' is the name of a file of hepsub's own", remedy="choose another name"
        )
    if any(len(part.encode()) > _LONGEST_NAME for part in parts):
        raise UsageError(
            f"'{name}' is longer than {_LONGEST_NAME} bytes: hep_fetch could not bring it",
            remedy="choose a shorter name",
        )
    if any(part in ("", ".", "..") for part in name.split("/")):  # as the wrapper's `inside` has it
        plain = "/".join(part for part in parts if part not in ("/", ".", ".."))
        raise UsageError(
            f"'{name}' cannot be the name of a file in the job's directory",
            remedy=f"write '{plain}'" if plain else "give a plain name, or one in a subdirectory",
        )
