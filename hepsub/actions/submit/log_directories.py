"""The directories of logs that a submission makes, because -o or -e named them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hepsub.errors import LogDirectoryNotWritable


def make_directories(paths: Iterable[str]) -> None:
    """Make directories for logs, with the user's umask; those that are there by now are fine.

    Raises:
        LogDirectoryNotWritable: one cannot be made.
    """
    for path in paths:
        try:
            Path(path).mkdir(exist_ok=True)
        except OSError as error:
            raise LogDirectoryNotWritable(
                f"the log directory {path} cannot be made: {error.strerror}",
                remedy="choose another place with -o and -e",
            ) from error
