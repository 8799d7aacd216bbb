"""What hep_auth renew remembers beside the bundles: sites left out, and jobs that it takes away from another pool.

Jobs are noted before the first is removed there, until they are submitted anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, to_builtins

from hepsub.auth.renewal import DIRECTORY
from hepsub.batch_sites import HeldThere
from hepsub.bundle.bundle import unusable
from hepsub.documents import Malformed, Moment, read_file, read_json
from hepsub.errors import NotDone
from hepsub.files import write_whole
from hepsub.plan.leaving import LeftOut, SiteRecord, Trouble, hold_by_site
from hepsub.policy.model import Policy

_SITES, _MOVES = "sites.json", "moves.json"
_LARGEST, _LARGEST_MOVES = 2**25, 2**26
GIVE_UP_S = 3 * 86400.0
"""For so long it is tried to submit what was removed."""

_Name = Annotated[str, Meta(max_length=1000)]
_Natural = Annotated[int, Meta(ge=0, le=2**31)]


def read_sites(root: Path) -> SiteRecord:
    """What is remembered of sites; nothing where there is no such file, or it cannot be read."""
    try:
        return read_json(read_file(root / DIRECTORY / _SITES, _LARGEST), SiteRecord, most=_LARGEST)
    except (OSError, Malformed):
        return SiteRecord()


def write_sites(root: Path, record: SiteRecord) -> None:
    """Remember it; one process at a time may, which has locked the directory.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(root / DIRECTORY / _SITES, json.dumps(to_builtins(record), indent=1) + "\n", 0o600)


def left_out_now(root: Path, policy: Policy, now: float) -> Mapping[str, LeftOut]:
    """The sites that get no jobs of this user now, by name.

    Args:
        root: the directory of the bundles.
        policy: what the site decided.
        now: seconds since the epoch.
    """
    return read_sites(root).now_left_out(policy, now)


def troubles_of(schedd: str, held: Iterable[HeldThere]) -> Iterator[Trouble]:
    """What of the holds of jobs at a schedd is the fault of their sites."""
    for each in held:
        recalled = each.through is not None and each.through.recalled
        if not recalled and (why := hold_by_site(each.code, each.reason)):
            job = f"{schedd}:{each.cluster}.{each.proc}"
            yield Trouble(site=each.site, job=job, when=each.since, why=why)


class Move(Struct, frozen=True, kw_only=True):
    """Jobs of a submission that go elsewhere.

    Attributes:
        left: the sites that they were taken away from before.
        since: since when, in seconds since the epoch.
    """

    site: _Name
    left: Annotated[tuple[_Name, ...], Meta(max_length=1000)] = ()
    procs: Annotated[tuple[_Natural, ...], Meta(max_length=10_000_000)]
    since: Moment


class _Moves(Struct, frozen=True, kw_only=True):
    """The file: by the UUIDs of submissions."""

    moves: Annotated[dict[_Name, Move], Meta(max_length=100_000)]


def read_moves(root: Path) -> dict[str, Move]:
    """The jobs that are on their way, by the UUIDs of their submissions.

    Raises:
        Malformed: the file cannot be read: nobody knows then what is on its way.
    """
    try:
        content = read_file(root / DIRECTORY / _MOVES, _LARGEST_MOVES)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Malformed(str(error.strerror)) from error
    return read_json(content, _Moves, most=_LARGEST_MOVES).moves


def note_move(root: Path, moves: dict[str, Move], uuid: str, move: Move | None) -> None:
    """Note which jobs of a submission are on their way; of no other anything is lost, whatever comes of it.

    One process at a time may, which has locked the directory.

    Args:
        root: the directory of the bundles.
        moves: what is noted of all submissions; it is changed once that is written.
        uuid: the submission.
        move: its jobs; None for none any more.

    Raises:
        BundleUnusable: it cannot be written.
        NotDone: nobody could read it again.
    """
    after = {other: each for other, each in moves.items() if other != uuid}
    if move is not None:
        after[uuid] = move
    text = json.dumps(to_builtins(_Moves(moves=after)), separators=(",", ":")) + "\n"
    try:
        read_json(text.encode(), _Moves, most=_LARGEST_MOVES)
        write_whole(root / DIRECTORY / _MOVES, text, 0o600)
    except Malformed as error:
        raise NotDone(f"what is on its way cannot be noted: {error}") from error
    except OSError as error:
        raise unusable(root / DIRECTORY, error) from error
    moves.clear()
    moves.update(after)
