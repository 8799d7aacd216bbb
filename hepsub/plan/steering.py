"""What kind of work a steering text describes: CORSIKA's cards, Geant4's macros. Pure."""

from __future__ import annotations

import re
from typing import Final

CORSIKA: Final = "corsika"
GEANT4: Final = "geant4"

_CARD = re.compile(r"(?m)^[ \t]*(RUNNR|EVTNR|NSHOW|PRMPAR|ERANGE|EXIT)\b")
_NEEDED = {"RUNNR", "PRMPAR", "EXIT"}
_MACRO = re.compile(r"(?m)^[ \t]*/(?:run/(?:beamOn|initialize)|gun/\w+|gps/\w+)\b")


def type_of_text(text: str) -> str:
    """What kind of work a text steers, itself or as part of a script; empty for not known."""
    if set(_CARD.findall(text)) >= _NEEDED:
        return CORSIKA
    return GEANT4 if _MACRO.search(text) else ""
