"""Outputs that came home because their store was away: put into their place later.

`home/home.PROC/pending.tsv` names them (worker/README.md): PATH, SIZE, MD5, DESTINATION; its last line is
perhaps the marker, which tells that all outputs of the job are in their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from hepsub.actions.stage import Stores
from hepsub.auth.bundle import HOME, Bundle, marker_place
from hepsub.auth.bundle_files import write_whole
from hepsub.errors import HepsubError, InputsMissing, StorageUnreachable, UnknownStorage
from hepsub.plan.place import ObjectPlace

PENDING = "pending.tsv"
_ESCAPES = (("%09", "\t"), ("%0a", "\n"), ("%0A", "\n"), ("%25", "%"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An output that is at home instead of in its place.

    Attributes:
        path: the file.
        line: its line in the list.
        size: its size in bytes; None for the marker.
        destination: its URL without signature, or its path.
    """

    path: Path
    line: str
    size: int | None
    destination: str

    @property
    def is_marker(self) -> bool:
        """Whether it tells that the others are in their place; an output may be called report.json, too."""
        return self.size is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The storages of one round, and those of them that turned out to be away: they are not tried again."""

    stores: Stores
    away: dict[str, StorageUnreachable] = field(default_factory=dict)

    def upload(self, each: Pending, place: ObjectPlace) -> None:
        """Put an output into its place, and remove it here.

        A file that is gone was removed by a round that was killed before it could write its list.

        Raises:
            HepsubError: it is not in its place; it is here, if it was.
        """
        if place.storage in self.away:
            raise self.away[place.storage]
        store = self.stores.store(place.storage)
        try:
            if each.path.exists():
                store.upload(each.path, place)
            elif (fact := store.look_up([place])[place]) is None or fact.size != each.size:
                raise InputsMissing(f"{each.path} is gone, and is not complete as {place} either")
        except StorageUnreachable as error:
            self.away[place.storage] = error
            raise
        if not each.is_marker:
            each.path.unlink(missing_ok=True)


def pending_of(home: Path) -> tuple[Pending, ...]:
    """What is still at home in a job's directory."""
    try:
        text = (home / PENDING).read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ()
    return tuple(
        Pending(
            path=home / _plain(fields[0]),
            line=line,
            size=int(fields[1]) if fields[1].isdecimal() else None,
            destination=_plain(fields[3]),
        )
        for line in text.split("\n")
        if len(fields := line.split("\t")) == 4 and _is_inside(_plain(fields[0]))
    )


def push_pending(now: Round, bundle: Bundle, cluster: int) -> tuple[str, ...]:
    """Upload what came home from every job of a bundle; a sentence for what could not be.

    What is in its place is removed here, and from the list, one by one: whatever happens in between,
    nothing is lost and nothing is done twice that matters. The marker is the last line, and is written
    only when it is the only one.
    """
    troubles: list[str] = []
    for home in sorted((bundle.directory / HOME).glob("home.*")):
        proc = home.name.removeprefix("home.")
        if proc.isdecimal() and (home / PENDING).exists():
            troubles += _push_job(now, _goals(now.stores, bundle, cluster, int(proc)), home)
    return tuple(dict.fromkeys(troubles))


def _push_job(now: Round, goals: Mapping[str, ObjectPlace], home: Path) -> list[str]:
    left = list(pending_of(home))
    troubles = []
    for each in tuple(left):
        if each.is_marker and len(left) > 1:
            break
        try:
            if not _is_settled(now, goals, each):
                continue
        except HepsubError as error:
            troubles.append(error.message)
            continue
        left.remove(each)
        write_whole(home / PENDING, "".join(f"{one.line}\n" for one in left), 0o600)
    if not left:
        (home / PENDING).unlink(missing_ok=True)
    return troubles


def _is_settled(now: Round, goals: Mapping[str, ObjectPlace], each: Pending) -> bool:
    """Whether an output is in its place now; one for a path was put there, or its trouble told, before.

    Raises:
        HepsubError: it cannot be put there.
    """
    place = _place_of(each.destination, goals)
    if place is not None:
        now.upload(each, place)
        return True
    if not each.destination.startswith("/"):
        raise UnknownStorage(
            f"{each.path} is still at home: {each.destination} is in no storage of the policy"
        )
    return not each.path.exists()


def _goals(stores: Stores, bundle: Bundle, cluster: int, proc: int) -> dict[str, ObjectPlace]:
    """The objects, and directories for patterns, that a job was to write, by their URLs without signature."""
    request = bundle.request
    outputs = request.staging.outputs_of(request.values(proc, cluster))
    objects = [each.place for each in outputs if isinstance(each.place, ObjectPlace)]
    marker = marker_place(outputs, request.uuid, proc)
    wanted = [*objects, *([marker] if marker is not None else [])]
    return {stores.store(place.storage).url(place.bucket, place.key): place for place in wanted}


def _place_of(destination: str, goals: Mapping[str, ObjectPlace]) -> ObjectPlace | None:
    """The object that a URL without signature means; None for a path."""
    if destination in goals:
        return goals[destination]
    for url, place in goals.items():
        if place.is_prefix and destination.startswith(url):
            return replace(place, key=place.key + destination.removeprefix(url))
    return None


def _is_inside(path: str) -> bool:
    """Whether a path stays below where it begins."""
    return not path.startswith("/") and ".." not in path.split("/")


def _plain(text: str) -> str:
    for escaped, character in _ESCAPES:
        text = text.replace(escaped, character)
    return text
