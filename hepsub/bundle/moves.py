"""Which jobs are taken away from another pool: noted before the first is removed, until they are submitted anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, to_builtins

from hepsub.auth.renewal import DIRECTORY
from hepsub.bundle.bundle import unusable
from hepsub.documents import Malformed, Moment, read_file, read_json
from hepsub.errors import NotDone
from hepsub.files import write_whole

_RECORD = "moves.json"
_LARGEST = 2**26
GIVE_UP_S = 3 * 86400.0
"""For so long it is tried to submit what was removed."""
_Name = Annotated[str, Meta(max_length=1000)]
_Natural = Annotated[int, Meta(ge=0, le=2**31)]


class Move(Struct, frozen=True, kw_only=True):
    """Jobs of a submission that go elsewhere.

    Attributes:
        site: where they were.
        left: the sites that they were taken away from before.
        procs: their ProcIds.
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

    Args:
        root: the directory of the bundles.

    Raises:
        Malformed: the file cannot be read: nobody knows then what is on its way.
    """
    try:
        content = read_file(root / DIRECTORY / _RECORD, _LARGEST)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Malformed(str(error.strerror)) from error
    return read_json(content, _Moves, most=_LARGEST).moves


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
        read_json(text.encode(), _Moves, most=_LARGEST)
        write_whole(root / DIRECTORY / _RECORD, text, 0o600)
    except Malformed as error:
        raise NotDone(f"what is on its way cannot be noted: {error}") from error
    except OSError as error:
        raise unusable(root / DIRECTORY, error) from error
    moves.clear()
    moves.update(after)
