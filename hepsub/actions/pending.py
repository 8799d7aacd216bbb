"""Outputs that came home because their store was away: put into their place later.

`home/home.PROC/pending.tsv` names them (worker/README.md): PATH, SIZE, MD5, DESTINATION; its last line is
perhaps the marker, which tells that all outputs of the job are in their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hepsub.actions.stage import Stores
from hepsub.auth.bundle import HOME, Bundle, marker_place
from hepsub.auth.bundle_files import write_whole
from hepsub.errors import HepsubError
from hepsub.plan.place import ObjectPlace

PENDING = "pending.tsv"
_ESCAPES = (("%09", "\t"), ("%0a", "\n"), ("%0A", "\n"), ("%25", "%"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An output that is at home instead of in its place.

    Attributes:
        path: the file.
        line: its line in the list.
        destination: its URL without signature, or its path.
    """

    path: Path
    line: str
    destination: str


def pending_of(home: Path) -> tuple[Pending, ...]:
    """What is still at home in a job's directory."""
    try:
        lines = (home / PENDING).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return ()
    return tuple(
        Pending(path=home / _plain(fields[0]), line=line, destination=_plain(fields[3]))
        for line in lines
        if len(fields := line.split("\t")) == 4
    )


def push_pending(stores: Stores, bundle: Bundle, cluster: int) -> tuple[str, ...]:
    """Upload what came home from every job of a bundle; a sentence for what could not be.

    What is in its place is removed here, and from the list, one by one: whatever happens in between,
    nothing is lost and nothing is done twice that matters.
    """
    troubles: list[str] = []
    for home in sorted((bundle.directory / HOME).glob("home.*")):
        proc = home.name.removeprefix("home.")
        if proc.isdecimal() and (home / PENDING).exists():
            troubles += _push_job(stores, bundle, cluster, int(proc), home)
    return tuple(dict.fromkeys(troubles))


def _push_job(stores: Stores, bundle: Bundle, cluster: int, proc: int, home: Path) -> list[str]:
    goals = _goals(stores, bundle, cluster, proc)
    left = list(pending_of(home))
    troubles = []
    for each in tuple(left):
        place = _place_of(each.destination, goals)
        if place is None:
            continue
        try:
            stores.store(place.storage).upload(each.path, place)
        except HepsubError as error:
            troubles.append(error.message)
            break  # the marker is the last line, and must not come before the others
        left.remove(each)
        write_whole(home / PENDING, "".join(f"{one.line}\n" for one in left), 0o600)
        if each.path.name != "report.json":
            each.path.unlink(missing_ok=True)
    if not left:
        (home / PENDING).unlink(missing_ok=True)
    return troubles


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


def _plain(text: str) -> str:
    for escaped, character in _ESCAPES:
        text = text.replace(escaped, character)
    return text
