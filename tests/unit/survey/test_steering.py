"""What kind of work cards and macros steer."""

import pytest

from hepsub.survey.steering import type_of_text

CARDS = "RUNNR   1\nEVTNR   1\nNSHOW   10\nPRMPAR  14\nERANGE  1.E4  1.E4\nEXIT\n"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (CARDS, "corsika"),
        (f"#!/bin/sh\ncorsika <<END\n{CARDS}END\n", "corsika"),
        (CARDS.replace("EXIT\n", ""), ""),
        (CARDS.replace("PRMPAR", "# PRMPAR"), ""),
        ("RUNNR_MAX EXITS PRMPARX", ""),
        ("/run/initialize\n/gun/particle e-\n/run/beamOn 10\n", "geant4"),
        ("  /run/beamOn 1\n", "geant4"),
        ("/gps/energy 1 MeV\n", "geant4"),
        ("cat /run/beamOn\n", ""),
        ("/run/user/1000\n/gun\n", ""),
        ("", ""),
    ],
)
def test_types(text: str, kind: str) -> None:
    assert type_of_text(text) == kind
