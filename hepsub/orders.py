"""What was asked for, submission by submission: kept so that its jobs can be run again.

A file for each, beside the journal, in a directory for each month; those of months long ago go when a new one comes.
No secret stands in there: of a variable that holds one, the name is kept.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hepsub import __version__
from hepsub.job import Columns, JobSpec
from hepsub.jobid import Again

_FORMAT = 1
_LARGEST = 2**30
"""No order is larger, in bytes: a million items of a thousand characters."""
_MONTHS = 3
"""Jobs of this month and so many before it can be run again."""
_FASTEST = 1
"""zlib's level: items are much alike, and hep_sub waits for it."""


class Order(Struct, frozen=True, kw_only=True):
    """What a submission was made from.

    Attributes:
        spec: what the user asked for, its spelling settled; without the values of secret variables, and without a key.
        cwd: what relative paths begin at.
        environment: the variables that the submitter had, as far as jobs may have them.
        items: the items of its jobs; empty without a list.
        ends: where in them the items of each job end; empty for one item each.
        stdout: where standard output goes, as a template; `stderr` likewise.
        again: the earlier jobs that it runs again; None for new jobs.
        format: the form of the document.
        hepsub: the version that wrote it.
    """

    spec: JobSpec
    cwd: str
    environment: Mapping[str, str]
    items: tuple[str, ...]
    ends: tuple[int, ...]
    stdout: str
    stderr: str
    again: Again | None = None
    columns: Columns | None = None
    format: int = 1
    hepsub: str = ""


class Orders(Struct, frozen=True, kw_only=True):
    """The orders of one user."""

    directory: Path

    def keep(self, uuid: str, when: float, order: Order) -> None:
        """Write the order of a submission that is made at `when`, in seconds since the epoch.

        Raises:
            OSError: it cannot be written.
        """
        import json
        import zlib

        from msgspec import to_builtins

        from hepsub.files import make_private, write_whole

        path = self._path(uuid, when)
        if not path.parent.is_dir():
            make_private(path.parent)
            self._forget(path.parent.name)
        written = replace(order, format=_FORMAT, hepsub=__version__)
        # Names of files need not be UTF-8: only the standard library writes what Python has for them.
        text = json.dumps(to_builtins(written, enc_hook=dict), separators=(",", ":"))
        write_whole(path, zlib.compress(text.encode(), _FASTEST), 0o600)

    def find(self, uuid: str, when: float) -> Order | None:
        """The order of a submission; None where there is none.

        Raises:
            Malformed: it cannot be read.
        """
        import zlib

        from hepsub.documents import Malformed, read_json
        from hepsub.tree import open_tree

        path = self._path(uuid, when)
        try:
            with open_tree(path.parent) as tree:
                content = tree.read(path.name, _LARGEST)
        except OSError:
            return None
        try:
            text = zlib.decompressobj().decompress(content, _LARGEST)
        except zlib.error as error:
            raise Malformed(str(error)) from error
        order = read_json(text, Order, most=_LARGEST, any_text=True)
        if order.format > _FORMAT:
            raise Malformed(f"it was written by another hepsub, and this is {__version__}")
        return order

    def _path(self, uuid: str, when: float) -> Path:
        return self.directory / time.strftime("%Y-%m", time.gmtime(when)) / f"{uuid}.json.z"

    def _forget(self, month: str) -> None:
        """Remove what is too old for a month."""
        # Only when a month begins: a submission pays for no look at the directory.
        from hepsub.tree import remove_tree

        year, number = (int(part) for part in month.split("-"))
        oldest = 12 * year + number - 1 - _MONTHS
        first = f"{oldest // 12:04d}-{oldest % 12 + 1:02d}"
        with contextlib.suppress(OSError):
            for each in self.directory.iterdir():
                if len(each.name) == len(first) and each.name < first:
                    remove_tree(each)
