"""Facts about the files and directories after -lib: what is in them, and whether it can travel."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hepsub.errors import LibraryUnusable
from hepsub.libraries.archive import Kind, Member, Tree, stamp_of
from hepsub.units import size_text

_LEFT_OUT = re.compile(r"\.git|\.hg|\.svn|__pycache__|\.nfs[0-9a-f]+|\.__afs[0-9A-F]+")
"""What version control, Python and file servers keep for themselves."""

_UNFIT_NAME = re.compile(r"[\x00-\x1f\x7f:]")
_NAMED = 10
_MB = 2**20


def scan(said: str, cwd: Path, limit_mb: int) -> Tree:
    """What is in a file or directory that shall travel; no file is read.

    Links inside are kept, links that lead out of the directory are followed.

    Args:
        said: the path as it was written.
        cwd: what a relative one begins at.
        limit_mb: the most MB (2**20 bytes) of files.

    Raises:
        LibraryUnusable: it is not there, too large, or something in it cannot be read or packed.
    """
    path = os.path.normpath(cwd / said)
    name = Path(path).name
    if not said:
        raise LibraryUnusable("-lib: its value is empty", remedy="name a file or a directory")
    if not os.path.exists(path):
        is_link = os.path.islink(path)  # noqa: PTH114 (Path.is_symlink raises where nobody may look)
        what = "leads nowhere" if is_link else "does not exist"
        raise LibraryUnusable(f"-lib {said}: {path} {what}", remedy="correct the path after -lib")
    if not name or _UNFIT_NAME.search(name):
        raise LibraryUnusable(
            f"-lib {said}: {name or path!r} cannot stand in a search path such as PATH",
            remedy="give the directory a name without ':' and control characters",
        )
    walk = _Walk(said=said, root=os.path.realpath(path), limit=limit_mb * _MB)
    members = tuple(walk.visit(name, path))
    if walk.troubles:
        raise _unusable(said, walk.troubles)
    return Tree(name=name, members=members)


@dataclass
class _Walk:
    """One walk through a tree; what cannot be packed is collected, so that all of it is told at once.

    Attributes:
        root: the real path of what is packed.
        limit: the most bytes of files.
        bytes: those so far.
        troubles: what cannot be packed, and why.
        open: the real paths of the directories that are being walked through, the outermost first.
    """

    said: str
    root: str
    limit: int
    bytes: int = 0
    troubles: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def visit(self, name: str, path: str) -> Iterator[Member]:
        """The members at and below a path, links at the path itself followed."""
        try:
            found = os.stat(path)
        except OSError as error:
            self.troubles.append(f"{path}: {error.strerror}")
            return
        if stat.S_ISDIR(found.st_mode):
            yield from self._directory(name, path)
        elif stat.S_ISREG(found.st_mode):
            yield from self._file(name, path, found)
        else:
            self.troubles.append(f"{path} is neither a file nor a directory")

    def _file(self, name: str, path: str, found: os.stat_result) -> Iterator[Member]:
        if not os.access(path, os.R_OK):
            self.troubles.append(f"{path}: Permission denied")
            return
        self.bytes += found.st_size
        if self.bytes > self.limit:
            raise LibraryUnusable(
                f"-lib {self.said}: its files are larger than {size_text(self.limit)}"
                " (library_limit in [staging] of the policy)",
                remedy="leave data out of it: -in brings files, and large ones belong into S3 or /cvmfs",
            )
        executable = bool(found.st_mode & stat.S_IXUSR)
        yield Member(
            name=name, kind=Kind.FILE, path=path, is_executable=executable, size=found.st_size,
            stamp=stamp_of(found),
        )  # fmt: skip

    def _directory(self, name: str, path: str) -> Iterator[Member]:
        real = os.path.realpath(path)
        if real in self.open:
            self.troubles.append(f"{path} leads in a circle, to {real}")
            return
        try:
            with os.scandir(path) as found:
                # Each file system has an order of its own; the archive shall be the same.
                entries = sorted(found, key=lambda each: each.name)
        except OSError as error:
            self.troubles.append(f"{path}: {error.strerror}")
            return
        yield Member(name=name, kind=Kind.DIRECTORY)
        self.open.append(real)
        for each in entries:
            if not _LEFT_OUT.fullmatch(each.name):
                yield from self._entry(f"{name}/{each.name}", each)
        self.open.pop()

    def _entry(self, name: str, entry: os.DirEntry[str]) -> Iterator[Member]:
        path = entry.path
        if not entry.is_symlink():
            yield from self.visit(name, path)
            return
        real = os.path.realpath(path)
        if not os.path.exists(real):
            self.troubles.append(f"{path} is a link that leads nowhere ({Path(path).readlink()})")
            return
        inside = os.path.relpath(real, self.root)
        parts = Path(inside).parts
        # What it leads to would not be in the archive: the content takes its place.
        if ".." in parts or any(_LEFT_OUT.fullmatch(part) for part in parts):
            yield from self.visit(name, path)
            return
        # Both as they lie in the archive, where the outermost directory has the name that was given.
        outermost = name.partition("/")[0]
        target = os.path.relpath(os.path.join(outermost, inside), os.path.dirname(name))
        yield Member(name=name, kind=Kind.LINK, target=target)


def _unusable(said: str, troubles: list[str]) -> LibraryUnusable:
    shown = "\n  ".join(troubles[:_NAMED])
    more = f"\n  and {len(troubles) - _NAMED} more" if len(troubles) > _NAMED else ""
    return LibraryUnusable(
        f"-lib {said}: these cannot be packed:\n  {shown}{more}",
        remedy="remove them, make them readable, or name a directory without them",
    )
