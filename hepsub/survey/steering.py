"""What kind of work the files of a job tell: cards and macros that steer a program."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from hepsub.survey.survey import head_of

CORSIKA: Final = "corsika"
GEANT4: Final = "geant4"

_CARD = r"(?m)^[ \t]*(RUNNR|EVTNR|NSHOW|PRMPAR|ERANGE|EXIT)\b"
_NEEDED = {"RUNNR", "PRMPAR", "EXIT"}
"""A word alone may stand in any text; these three are in every card that CORSIKA runs."""
_MACRO = r"(?m)^[ \t]*/(?:run/(?:beamOn|initialize)|gun/\w+|gps/\w+)\b"
_READ_BYTES = 2**18
"""So much of a file is read; a card or macro tells in its first lines."""
_FILES = 20
"""So many are looked at, at the most."""


def type_of_files(paths: Iterable[str]) -> str:
    """What kind of work the first file tells that tells any; empty for not known.

    Args:
        paths: the script, and what its arguments would be as paths; absolute.
    """
    for path in list(dict.fromkeys(paths))[:_FILES]:
        content = head_of(path, _READ_BYTES)
        if found := type_of_text(content.decode("latin-1")):
            return found
    return ""


def type_of_text(text: str) -> str:
    """What kind of work a text steers, itself or as part of a script; empty for not known."""
    if set(re.findall(_CARD, text)) >= _NEEDED:
        return CORSIKA
    return GEANT4 if re.search(_MACRO, text) else ""
