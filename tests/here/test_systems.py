"""The table of hepsub(7) on the embedded pool."""

from __future__ import annotations

import shlex
import time
from subprocess import CompletedProcess

from tests.fakes.ccaches import Entry, cache
from tests.here.shell import Home
from tests.systems import FILES, VARIABLES, answers_about, answers_to_options, told


def test_each_row(home: Home) -> None:
    for name, text in FILES.items():
        path = home.work / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    home.program("apptainer", "exit 0")
    ticket = home.root / "ticket"
    now = int(time.time())
    ticket.write_bytes(cache(Entry(authenticated=now, starts=now, expires=now + 3600)))
    variables = {**VARIABLES, "KRB5CCNAME": f"FILE:{ticket}"}

    def run(words: list[str]) -> CompletedProcess[str]:
        return home.type(shlex.join(words), **variables)

    assert answers_to_options(run, "-p", "here") == told("here", options=True)
    for script in ("job.sh", "short.sh"):
        assert run(["hep_sub", "-p", "here", script]).returncode == 0
    assert answers_about(run, "1", "2") == told("here", options=False)
