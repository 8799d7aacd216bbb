"""Names of files in a job's directory: which there may be, as the wrapper sees it, too."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from hepsub.errors import UsageError

_PATTERN = re.compile(r"[*?\[]")
_LONGEST_NAME = 250
"""Bytes: while hep_fetch brings a file, it is called NAME.part."""
_OWN = re.compile(
    r"\.hepsub|home\.\d+|hepsub\.(?:manifest|sums|environment)|items\.txt|hepsub_lib(\..*)?|wrapper\.sh|condor_exec\.exe"
    r"|\.chirp\.config|ca\.[^/]+\.pem"
)
"""Names that hepsub and HTCondor use in the scratch directory."""


def is_pattern(name: str) -> bool:
    """Whether the name of an output is a shell pattern."""
    return _PATTERN.search(name) is not None


def check_name(name: str) -> None:
    """Refuse what is no name inside the job's directory, is hepsub's own, or could not be fetched.

    Raises:
        UsageError: it is refused.
    """
    parts = PurePosixPath(name).parts
    if not name.isprintable():
        raise UsageError(
            f"{name!r} has a line end or a control character, or is not UTF-8, or has an unusual blank:"
            " hep_fetch brings no such file",
            remedy="choose another name",
        )
    if parts and _OWN.fullmatch(parts[0]):
        raise UsageError(
            f"'{name}' is the name of a file of hepsub's own", remedy="choose another name"
        )
    if any(len(part.encode()) > _LONGEST_NAME for part in parts):
        raise UsageError(
            f"'{name}' is longer than {_LONGEST_NAME} bytes: hep_fetch could not bring it",
            remedy="choose a shorter name",
        )
    if any(part in ("", ".", "..") for part in name.split("/")):  # as the wrapper's `inside` has it
        plain = "/".join(part for part in parts if part not in ("/", ".", ".."))
        raise UsageError(
            f"'{name}' cannot be the name of a file in the job's directory",
            remedy=f"write '{plain}'" if plain else "give a plain name, or one in a subdirectory",
        )
