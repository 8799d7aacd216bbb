"""Which jobs are taken away from another pool: noted before the first is removed, until they are submitted anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, to_builtins

from hepsub.auth.renewal import DIRECTORY
from hepsub.documents import Malformed, Moment, read_file, read_json
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


def write_moves(root: Path, moves: Mapping[str, Move]) -> None:
    """Note which jobs are on their way; one process at a time may, which has locked the directory.

    Args:
        root: the directory of the bundles.
        moves: the jobs, by the UUIDs of their submissions.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(to_builtins(_Moves(moves=dict(moves))), separators=(",", ":"))
    write_whole(root / DIRECTORY / _RECORD, text + "\n", 0o600)
