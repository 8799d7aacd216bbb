"""What a path is, as a place to write to."""

from __future__ import annotations

import enum


class PlaceState(enum.Enum):
    """What a path is, as a place to write to."""

    MISSING = "missing"
    DIRECTORY = "directory"
    LOCKED_DIRECTORY = "locked-directory"
    FILE = "file"
    LOCKED_FILE = "locked-file"
    DEVICE = "device"
