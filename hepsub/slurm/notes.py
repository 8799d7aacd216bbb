"""What a submission to Slurm and hepsub agree on: its comment, the notes of its jobs, the words in them."""

from __future__ import annotations

from typing import Final

COMMENT_MARK: Final = "hepsub:"
"""What the comment of a submission of hepsub's begins with; its UUID follows, then the key of -once."""
ENDS: Final = "ends"
"""The directory of the notes, one a job, in what is kept of a submission (slips.py)."""
REMOVED: Final = "removed"
"""The file beside it in which hepsub itself notes which jobs were removed."""
ENDED_EARLY: Final = "TERM"
"""What a job notes that was told to end (SIGTERM), by Slurm or whoever removed it."""
NO_LOG: Final = "log"
NO_DIRECTORY: Final = "directory"
NO_BUNDLE: Final = "bundle"
NOT_STARTED: Final = frozenset({NO_LOG, NO_DIRECTORY, NO_BUNDLE})
"""What a job notes whose program was not started: a log could not be opened, or one of these is not on its node."""
FILES_MARK: Final = "#hepsub-files"
"""The line of a script behind which its jobs' files are (enclosed.py); scratch.sh knows it, too."""
