"""What is on the disk of a job whose files travel: its scratch directory, and the wrapper's report.

The places are scratch.sh's, the codes and the report the wrapper's (hepsub/worker/README.md).
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from hepsub.bundle.directory import read_bundle
from hepsub.bundle.report import report_at
from hepsub.documents import Malformed
from hepsub.files import open_tree

_SCRATCH = "scratch"
UNSAVED = 87
"""The wrapper's exit code when outputs could neither be uploaded nor brought home."""


def scratch_directory(bundle: str, proc: int) -> Path:
    """Where a job runs; scratch.sh leaves it behind only when outputs found no other place."""
    return Path(bundle) / _SCRATCH / str(proc)


def why_unsaved(bundle: str, proc: int) -> str:
    """Why outputs of a job could be saved nowhere, and where they are now; empty when that is not so.

    A payload may end with the same exit code: the report tells the difference.
    """
    found = read_bundle(Path(bundle))
    if found is None:
        return ""
    try:
        with found.open_returned(proc) as tree:
            report = report_at(tree) if tree is not None else None
    except (Malformed, OSError):
        return ""
    if report is None or report.code != UNSAVED:
        return ""
    reason = report.complaint
    kept = scratch_directory(bundle, proc)
    return f"{reason}; they are kept in {kept}" if kept.is_dir() else reason


def clear(bundle: str, proc: int) -> None:
    """Remove a job's scratch directory, if it is there."""
    if not bundle:
        return
    with contextlib.suppress(OSError), open_tree(Path(bundle) / _SCRATCH) as jobs:
        with jobs.below(str(proc)) as own:
            own.clear()
        os.rmdir(str(proc), dir_fd=jobs.descriptor)
