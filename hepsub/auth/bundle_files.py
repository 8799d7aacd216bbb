"""How files get into a bundle: whole, private, and with an error that tells what to do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hepsub.errors import BundleUnusable

CREDENTIALS = "creds"
"""The directory of tickets and tokens in a bundle."""


def write_whole(path: Path, text: str, mode: int) -> None:
    """Write a file so that a reader sees the old file or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    temporary.replace(path)


def keep_file(source: Path, goal: Path) -> None:
    """Have a file in the bundle: HTCondor may read nothing outside of it for the job.

    (Tried: LimitDirectoryAccess bounds the sandbox's transfer too.) A second link costs nothing.
    """
    if source.is_dir():
        shutil.copytree(source, goal)
        return
    try:
        os.link(source, goal)
    except OSError:  # another file system, or somebody else's file
        shutil.copy2(source, goal)


def unusable(directory: Path, error: OSError) -> BundleUnusable:
    """The error for a bundle that the operating system does not let us write."""
    return BundleUnusable(
        f"the bundle {directory} cannot be written: {error.strerror}",
        remedy="make room there, or set bundle_dir in [staging] of the policy",
    )
