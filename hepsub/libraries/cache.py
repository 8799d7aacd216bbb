"""Archives of libraries that were packed before, so that the tenth submission packs nothing.

Beside the bundles, in a directory 0700, lie

* `FINGERPRINT.json`: what the tree with this fingerprint was packed to; so its files need not even be read
* `SHA256.tar.gz`: an archive; bundles have it by a second link
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from pathlib import Path

from msgspec import Struct, to_builtins

from hepsub.documents import Malformed, read_file, read_json
from hepsub.errors import BundleUnusable
from hepsub.files import make_private, write_whole
from hepsub.libraries.archive import Packed, Tree, write_archive
from hepsub.plan.libraries import archive_name

_LARGEST = 2**16
_SETTLED_S = 2.0
"""The coarsest clock of a file system: a file that was changed so recently may change again unseen."""

_UNUSED_S = 7 * 86400
"""An archive that was not used for so long is removed, and packed again when it is needed."""


class ArchiveCache(Struct, frozen=True, kw_only=True):
    """A directory of packed libraries; where it keeps nothing (a dry run), trees are packed to nowhere."""

    directory: Path
    keeps: bool

    def path(self, sha256: str) -> Path:
        """Where an archive lies, if it is there."""
        return self.directory / archive_name(sha256)

    def pack(self, tree: Tree, now: float) -> Packed:
        """What a tree, seen after `now`, is packed to: by what is known of it, else by packing it.

        Raises:
            LibraryUnusable: a file cannot be read, or was changed meanwhile.
            BundleUnusable: the archive cannot be written.
        """
        note = self.directory / f"{tree.fingerprint()}.json"
        known = _read(note)
        if known is not None:
            self._touch(note)
            return known
        if not self.keeps:
            return write_archive(tree, None)
        packed = self._write(tree)
        # What was changed just now may be changed again within the same tick, and its stamp would be this one's.
        if not tree.changed_after(now - _SETTLED_S):
            self._note(note, packed)
        return packed

    def ensure(self, tree: Tree, packed: Packed) -> None:
        """Have the archive of a tree in the cache.

        Raises:
            LibraryUnusable: a file cannot be read, or was changed meanwhile.
            BundleUnusable: the archive cannot be written.
        """
        if not self.keeps:
            return
        if self._has(packed):
            self._touch(self.path(packed.sha256))
        elif self._write(tree) != packed:
            with contextlib.suppress(OSError):
                (self.directory / f"{tree.fingerprint()}.json").unlink()
            raise BundleUnusable(
                f"the archive of {tree.name} is not what it was", remedy="submit again"
            )

    def drop(self, sha256: str) -> None:
        """Remove an archive that is kept elsewhere now; its note stays, and so nothing is packed again."""
        with contextlib.suppress(OSError):
            self.path(sha256).unlink()

    def prune(self, now: float) -> None:
        """Remove what was not used for a week, by no job either."""
        with contextlib.suppress(OSError):
            for each in self.directory.iterdir():
                with contextlib.suppress(OSError):
                    found = each.stat()
                    # Bundles of jobs that still wait have further links to an archive.
                    if found.st_nlink == 1 and now - found.st_mtime > _UNUSED_S:
                        each.unlink()

    def _has(self, packed: Packed) -> bool:
        """Whether an archive is here, whole: a machine that went down may leave the name and not the content."""
        try:
            return self.path(packed.sha256).stat().st_size == packed.size
        except OSError:
            return False

    def _write(self, tree: Tree) -> Packed:
        try:
            make_private(self.directory)
            with tempfile.NamedTemporaryFile(dir=self.directory, prefix=".", delete=False) as file:
                try:
                    packed = write_archive(tree, file.file)
                    file.flush()
                    if self._has(packed):  # bundles have links to that one
                        self._touch(self.path(packed.sha256))
                    else:
                        Path(file.name).replace(self.path(packed.sha256))
                finally:
                    Path(file.name).unlink(missing_ok=True)
        except OSError as error:
            raise BundleUnusable(
                f"the archive of {tree.name} cannot be written to {self.directory}: {error.strerror}",
                remedy="make room there, or set bundle_dir in [staging] of the policy",
            ) from error
        return packed

    def _note(self, note: Path, packed: Packed) -> None:
        """Without the note the tree is packed again, and no more."""
        with contextlib.suppress(OSError):
            write_whole(note, json.dumps(to_builtins(packed)), 0o600)

    def _touch(self, path: Path) -> None:
        if self.keeps:
            with contextlib.suppress(OSError):
                os.utime(path)


def _read(note: Path) -> Packed | None:
    try:
        known = read_json(read_file(note, _LARGEST), Packed, most=_LARGEST)
    except (OSError, Malformed):
        return None
    sums = (known.sha256, known.md5)  # the first one becomes the name of a file
    return known if all(map(re.fullmatch, ("[0-9a-f]{64}", "[0-9a-f]{32}"), sums)) else None
