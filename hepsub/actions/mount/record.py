"""What hep_mount remembers of a mount: one directory for each, below one for each host.

It holds no secret: mount.json, rclone's configuration without keys, and its log.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, to_builtins
from msgspec.structs import replace

from hepsub.documents import Malformed, Moment, read_file, read_json
from hepsub.errors import MountBusy, StorageRefused, UsageError
from hepsub.files import lock_open, make_private, open_own, write_whole
from hepsub.local.processes import boot_id, is_process, is_zombie, start_of
from hepsub.plan.location import FilePlace, ObjectPlace, find_place
from hepsub.policy.model import Storage
from hepsub.session import Session
from hepsub.tree import remove_tree

_BARE = re.compile(r"(?:s3://|[A-Za-z][\w.-]*:)[^/:]+", re.IGNORECASE)
_HOW = "hep_mount STORAGE:BUCKET[/PREFIX] DIRECTORY"
_FILE = "mount.json"
_LOCK_S = 120
"""More than who has it takes: 20 s for a former rclone to send, 30 for the new one, 65 for its first listing."""
_LARGEST = 2**18
_Text = Annotated[str, Meta(max_length=4096)]
_Number = Annotated[int, Meta(ge=0, le=2**62)]


class Remote(Struct, frozen=True, kw_only=True):
    """A bucket of a storage, or what begins with a prefix in it.

    Attributes:
        prefix: without slashes at its ends; empty for the whole bucket.
    """

    storage: _Text
    bucket: _Text
    prefix: _Text

    def __str__(self) -> str:
        return f"{self.storage}:{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")


def find_remote(text: str, storages: Mapping[str, Storage], cwd: Path) -> Remote:
    """What `storage:bucket`, `storage:bucket/prefix` or `s3://bucket/prefix` means.

    Raises:
        UsageError: it names no bucket, or its prefix cannot be a directory.
        UnknownStorage: no storage has this name or bucket.
        StorageRefused: the storage's data would travel in the clear, and the policy does not allow that.
    """
    word, colon, rest = text.partition(":")
    if text in storages or (colon and word in storages and not rest.strip("/")):
        raise UsageError(
            f"'{text}' names no bucket", remedy=f"{word}:BUCKET, or {word}:BUCKET/PREFIX"
        )
    place = find_place(f"{text}/" if _BARE.fullmatch(text) else text, storages, cwd)
    if isinstance(place, FilePlace):
        raise UsageError(f"'{text}' is no bucket", remedy=f"first what, then where: {_HOW}")
    _refuse_clear(place, storages[place.storage])
    prefix = place.key.strip("/")
    if any(part in {"", ".", ".."} for part in prefix.split("/")) and prefix:
        raise UsageError(
            f"the prefix '{prefix}' cannot be a directory",
            remedy="give it without '//', '.' and '..'",
        )
    return Remote(storage=place.storage, bucket=place.bucket, prefix=prefix)


def _refuse_clear(place: ObjectPlace, storage: Storage) -> None:
    if storage.endpoint.casefold().startswith("http://") and not storage.allow_http:
        raise StorageRefused(
            f"the storage {place.storage} is {storage.endpoint}, and data would travel in the clear",
            remedy=f"use https, or set allow_http = true in [storage.{place.storage}]",
        )


class Record(Struct, frozen=True, kw_only=True):
    """A mount.

    Attributes:
        directory: where it is, absolute.
        since: when it was made, in seconds since the epoch.
        state: the directory of this record.
        pid: of its rclone; 0 before that runs.
        start: when that began, in clock ticks since boot.
        boot: which boot of the machine that was.
        made: whether the directory did not exist before.
    """

    remote: Remote
    directory: _Text
    writable: bool
    since: Moment
    state: _Text
    cache: _Text
    pid: _Number = 0
    start: _Number = 0
    boot: _Text = ""
    made: bool = False

    @property
    def point(self) -> Path:
        """Where it is."""
        return Path(self.directory)

    @property
    def log(self) -> Path:
        """What rclone had to say."""
        return Path(self.state) / "rclone.log"

    def is_alive(self) -> bool:
        """Whether its rclone still runs."""
        return (
            self.boot == boot_id()
            and is_process(self.pid, self.start)
            and not is_zombie(self.pid)  # in a container without an init nobody buries it
        )

    def run_by(self, pid: int) -> Record:
        """The same mount, served by this process."""
        return replace(self, pid=pid, start=start_of(pid), boot=boot_id())


def home_of(session: Session) -> Path:
    """The directory of this host's mounts."""
    return session.paths.mounts / session.situation.host


def identity(endpoint: str, remote: Remote, point: Path) -> str:
    """The name of a mount's directories: the same whenever the same is mounted at the same place."""
    words = (endpoint, remote.bucket, remote.prefix, str(point))
    return hashlib.sha256("\0".join(words).encode(errors="surrogateescape")).hexdigest()[:16]


def write_record(record: Record) -> None:
    """Remember a mount.

    Raises:
        OSError: it cannot be written.
    """
    make_private(Path(record.state))
    text = json.dumps(to_builtins(record), indent=1) + "\n"
    write_whole(Path(record.state) / _FILE, text, 0o600)


def read_records(home: Path) -> tuple[Record, ...]:
    """All mounts that are remembered, by directory; what cannot be read is left alone."""
    found = []
    for path in home.glob(f"*/{_FILE}"):
        with contextlib.suppress(OSError, Malformed):
            found.append(_read(path))
    return tuple(sorted(found, key=lambda each: each.directory))


def _read(path: Path) -> Record:
    """The record in a file."""
    content = read_file(path, _LARGEST)
    record = read_json(content, Record, most=_LARGEST, any_text=True)  # names of files are bytes
    if "\0" in record.directory:
        raise Malformed("its directory can be none")
    # Both are removed with the mount: what stands in a file does not decide where.
    if record.state != str(path.parent) or Path(record.cache).name != path.parent.name:
        raise Malformed("it is of another mount")
    return record


def forget(record: Record, *, cache: bool) -> None:
    """Remove what is remembered of a mount, and perhaps its cache."""
    if cache:
        remove_tree(Path(record.cache))
    remove_tree(Path(record.state))


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Let one command at a time mount, or clean up, on this host.

    Raises:
        MountBusy: another one does not come to its end.
        OSError: the lock cannot be made.
    """
    make_private(home)
    descriptor = open_own(home / "lock", os.O_RDWR | os.O_CREAT, "the lock of hep_mount")
    try:
        deadline = time.monotonic() + _LOCK_S
        while not lock_open(descriptor):
            if time.monotonic() > deadline:
                raise MountBusy(
                    "another hep_mount on this host does not come to its end",
                    remedy="look for it with ps, and try again",
                )
            time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)
