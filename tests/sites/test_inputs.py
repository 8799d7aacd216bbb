"""Files of every kind and name that go to the far site, by each of the three ways."""

from __future__ import annotations

import os

import pytest

from tests.neighbour_inputs import INPUTS, found_below, make
from tests.neighbours import Way, script
from tests.sites.away import Away
from tests.testbed.remote import RemoteSite

pytestmark = [pytest.mark.condor]

WAYS = {"element": Way.ELEMENT, "schedd": Way.SPOOL, "glidein": Way.REMOTE}


@pytest.mark.parametrize("site", WAYS)
def test_names_and_kinds(away: Away, far_glidein: RemoteSite, site: str) -> None:
    """Directories, links, empty files, blanks and commas: they arrive, or are refused by name."""
    shell, way = away.desk.shell, WAYS[site]
    files = [each for each in INPUTS if not each.is_object]
    for each in files:
        make(shell.work, each.lies)
    for path in shell.work.rglob("*"):
        os.chown(path, shell.account.uid, shell.account.gid, follow_symlinks=False)
    taken = [each for each in files if not each.is_refused(way)]
    shell.script("job.sh", script([], [each.name for each in taken]))
    options = [*(f"-in={each.asked}" for each in taken), "-out=came=came"]
    submitted = away.submit("job.sh", "-site", site, *options, "-wait")
    assert (submitted["failed"], submitted["unknown"]) == (0, 0), submitted
    wrong = [
        (each.asked, found)
        for number, each in enumerate(taken)
        if (found := found_below(shell.work / f"came/{number}")) != each.arrives
    ]
    assert wrong == []
    for each in files:
        if each.is_refused(way):
            words = ("-site", site, "job.sh", f"-in={each.asked}")
            assert each.name in shell.refused(30, *words, env=away.environment)
