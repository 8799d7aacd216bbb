"""The completion of a shell as a text that it sources, with the path of this installation's hep_sub in it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from importlib import resources
from pathlib import Path

from hepsub.cli.options import SHELLS
from hepsub.errors import UsageError

FILES = dict(zip(SHELLS, ("hep.bash", "_hep", "hep.fish"), strict=True))
"""The file of each shell."""
_PROGRAM = "command hep_sub"
"""What stands in the files for the program that is asked, once in each."""


def script(shell: str) -> str:
    """The text for a shell.

    Raises:
        UsageError: there is none for it.
    """
    if shell not in FILES:
        raise UsageError(
            f"argument -completion: invalid choice: '{shell}'",
            remedy=f"choose from {', '.join(SHELLS)}",
        )
    text = resources.files(__package__).joinpath(FILES[shell]).read_text(encoding="utf-8")
    return text.replace(_PROGRAM, f"command {shlex.quote(_hep_sub())}")


def _hep_sub() -> str:
    """hep_sub by its absolute path, where that is known."""
    # In a virtual environment that may not be on PATH.
    beside = Path(sys.executable).parent / "hep_sub"
    if os.access(beside, os.X_OK):
        return str(beside)
    found = shutil.which("hep_sub")
    return os.path.abspath(found) if found else "hep_sub"
