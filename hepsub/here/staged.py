"""What is on the disk of a job whose files travel: its scratch directory, and the wrapper's report.

The places are scratch.sh's, the codes and the report the wrapper's (hepsub/worker/README.md).
"""

from __future__ import annotations

import json
from pathlib import Path

from hepsub.files import remove_tree
from hepsub.plan.bundle_paths import Layout

UNSAVED = 87
"""The wrapper's exit code when outputs could neither be uploaded nor brought home."""


def scratch_directory(bundle: str, proc: int) -> Path:
    """Where a job runs; scratch.sh leaves it behind only when outputs found no other place."""
    return Path(bundle) / "scratch" / str(proc)


def why_unsaved(bundle: str, proc: int) -> str:
    """Why outputs of a job could be saved nowhere, and where they are now; empty when that is not so.

    A payload may end with the same exit code: the report tells the difference.
    """
    try:
        text = (
            Path(bundle) / Layout(directory=Path(bundle)).returned(proc) / "report.json"
        ).read_text(encoding="utf-8")
        report = json.loads(text)
        if report["code"] != UNSAVED:
            return ""
        reason = str(report["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    kept = scratch_directory(bundle, proc)
    return f"{reason}; they are kept in {kept}" if kept.is_dir() else reason


def clear(bundle: str, proc: int) -> None:
    """Remove a job's scratch directory, if it is there."""
    if bundle:
        remove_tree(scratch_directory(bundle, proc))
