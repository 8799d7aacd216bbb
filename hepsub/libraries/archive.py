"""A tree of files → one archive that is the same for the same content, whoever packs it and when.

GNU's format, because busybox's tar knows no names above 100 letters in POSIX's (pax) headers.
"""

from __future__ import annotations

import contextlib
import enum
import gzip
import hashlib
import os
import sys
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Annotated, BinaryIO

from msgspec import Meta, Struct, field
from msgspec.structs import astuple

from hepsub.errors import LibraryUnusable
from hepsub.plan.facts import ELF_HEAD, elf_machine

_LEVEL = 4
"""Of 113 MB of programs and Python: 39.5 MB in 2.8 s; level 1 makes 42.1 MB in 1.8 s, level 6 38.2 MB in 5.5 s."""

_WHEN = 315532800
"""1980: what zip files can hold; nothing in it may depend on when it was packed."""

_FORMAT = 2
"""Another number where trees are packed in another way: what was noted of archives then no longer fits."""
_BLOCK = 2**18


class Kind(enum.Enum):
    """What a member of a tree is, in tar's word."""

    FILE = tarfile.REGTYPE
    DIRECTORY = tarfile.DIRTYPE
    LINK = tarfile.SYMTYPE


class Member(Struct, frozen=True, kw_only=True):
    """A file, directory or symbolic link of a tree.

    Attributes:
        name: in the archive.
        path: where a file is read; empty for others.
        target: what a link says.
        size: bytes of a file.
        stamp: device, inode, time of the last write and of the last change (ns since the epoch): what
            tells that a file is not the one that was seen.
    """

    name: str
    kind: Kind
    path: str = ""
    target: str = ""
    is_executable: bool = False
    size: int = 0
    stamp: tuple[int, ...] = ()


class Tree(Struct, frozen=True, kw_only=True):
    """What is packed: a file, or a directory and all that is in it, in the order of the archive."""

    name: str
    members: tuple[Member, ...]

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.members[0].kind is Kind.DIRECTORY

    def fingerprint(self) -> str:
        """A text that differs when anything was changed, or would be packed in another way; no file is read."""
        made_by = f"{_FORMAT} {_LEVEL} {zlib.ZLIB_RUNTIME_VERSION} {sys.version_info[:2]}"
        hashed = hashlib.sha256(made_by.encode())
        for member in self.members:
            hashed.update(repr(astuple(member)).encode("utf-8", "backslashreplace"))
        return hashed.hexdigest()

    def changed_after(self, moment: float) -> bool:
        """Whether a file was changed after a moment (seconds since the epoch)."""
        return any(member.stamp[-1] > moment * 1e9 for member in self.members if member.stamp)


class Packed(Struct, frozen=True, kw_only=True):
    """An archive, by its checksums in hex and its bytes.

    Attributes:
        machines: the architectures that files in it were built for, and the first file of each.
    """

    sha256: str
    md5: str
    size: Annotated[int, Meta(ge=0, le=2**50)]
    machines: Annotated[Mapping[str, str], Meta(max_length=8)] = field(default_factory=dict)


def stamp_of(found: os.stat_result) -> tuple[int, ...]:
    """What changes when a file does."""
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns)


def write_archive(tree: Tree, file: IO[bytes] | None) -> Packed:
    """Pack a tree into a file, or for the checksums alone into none.

    Raises:
        LibraryUnusable: a file cannot be read, or was changed meanwhile.
        OSError: the archive cannot be written.
    """
    goal = _Measured(file)
    # No name and no time in gzip's header: the second submission of the same content shall find the first one's object.
    with (
        gzip.GzipFile(
            filename="", mode="wb", compresslevel=_LEVEL, fileobj=goal, mtime=0
        ) as packed,
        tarfile.open(
            mode="w|",
            fileobj=packed,
            format=tarfile.GNU_FORMAT,
            encoding=sys.getfilesystemencoding(),
            errors="surrogateescape",
            bufsize=_BLOCK,
        ) as tar,
    ):
        machines = _add(tree.members, tar)
    return goal.packed(machines)


def _add(members: Iterable[Member], tar: tarfile.TarFile) -> dict[str, str]:
    """Pack the members; the architectures that they were built for, and the first file of each."""
    machines: dict[str, str] = {}
    for member in members:
        entry = _entry(member)
        if member.kind is not Kind.FILE:
            tar.addfile(entry)
            continue
        with _unchanged(member) as content:
            if machine := elf_machine(content.read(ELF_HEAD)):
                machines.setdefault(machine, member.name)
            content.seek(0)
            try:
                tar.addfile(entry, content)
            except OSError as error:
                if error.errno is not None:  # of the archive itself, not a file that became shorter
                    raise
                raise _changed(member) from error
    return machines


def _entry(member: Member) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(member.name)
    entry.mtime = _WHEN
    # Whose it is and who else may read it here means nothing there, and would make another archive of it.
    entry.mode = 0o755 if member.is_executable or member.kind is Kind.DIRECTORY else 0o644
    entry.size = member.size
    entry.linkname = member.target
    entry.type = member.kind.value
    return entry


@contextlib.contextmanager
def _unchanged(member: Member) -> Iterator[BinaryIO]:
    """A file that has to be the same at the end as when it was seen first."""
    try:
        file = open(member.path, "rb", buffering=0)  # noqa: SIM115 (closed below)
    except OSError as error:
        raise LibraryUnusable(
            f"-lib: {member.path} cannot be read: {error.strerror}", remedy="chmod +r it"
        ) from error
    with file:
        yield file
        if stamp_of(os.fstat(file.fileno())) != member.stamp:
            raise _changed(member)


def _changed(member: Member) -> LibraryUnusable:
    return LibraryUnusable(
        f"-lib: {member.path} was changed while it was packed",
        remedy="submit when nobody writes it",
    )


class _Measured:
    """What gzip writes to: a file, perhaps, and the checksums of all that came."""

    def __init__(self, file: IO[bytes] | None) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._size = 0

    def write(self, piece: bytes) -> int:
        if self._file is not None:
            self._file.write(piece)
        self._sha256.update(piece)
        self._md5.update(piece)
        self._size += len(piece)
        return len(piece)

    def flush(self) -> None:
        """Do nothing: the file is closed by whoever opened it."""

    def packed(self, machines: Mapping[str, str]) -> Packed:
        return Packed(
            sha256=self._sha256.hexdigest(),
            md5=self._md5.hexdigest(),
            size=self._size,
            machines=machines,
        )
