"""The table of hepsub(7), asked of a batch system: each row is typed as it stands there."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from subprocess import CompletedProcess

from hepsub.cli.generate.sources import errors
from hepsub.cli.generate.systems import rows

Run = Callable[[list[str]], CompletedProcess[str]]
"""Types words."""

FILES: Mapping[str, str] = {
    "job.sh": "#!/bin/sh\necho begun\nsleep 900\n",
    "short.sh": "#!/bin/sh\necho begun\nsleep 2\n",
    "in.txt": "in\n",
    "runs.txt": "1\n2\n3\n",
    "lib/mine.txt": "mine\n",
    "job.sif": "",
}
"""What the rows are about: file → text."""
VARIABLES: Mapping[str, str] = {"TOKEN": "secret"}
ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    "hep_fetch 13": {
        "HTCondor": "staging/test_fetch.py::test_a_complete_cluster_arrives_once",
        "here": "staging/test_fetch.py::test_jobs_of_the_embedded_pool",
        "schedd": "pool/test_follow.py::test_a_job_is_waited_for_found_again_and_fetched",
        "ce": "pool/test_follow.py::test_a_job_is_waited_for_found_again_and_fetched",
        "Slurm": "slurm/test_staged.py::test_inputs_and_outputs_travel",
    },
}
"""Rows that are not typed here, for the job of these tests ends without outputs: row → batch system → its test."""
_FOLLOW = ("hep_tail -f", "hep_wait")
"""They go on until the job has ended."""
_NAMES = ("13", "13.0")
_WORDS = {error.exit_code: error.code for error in reversed(errors())}
_WAIT_S = 90


def told(system: str, *, options: bool) -> dict[str, int]:
    """What the table says of the rows that are typed here: exit codes."""
    return {
        row: cells[system].code
        for row, cells in rows().items()
        if row.startswith("-") is options and row not in ELSEWHERE
    }


def answers_to_options(run: Run, *place: str) -> dict[str, int]:
    """What a dry run says to each option, for jobs that go to a place."""
    return {
        row: _code(run(["hep_sub", "-dry-run", "-json", *place, *shlex.split(row), "job.sh"]))
        for row in rows()
        if row.startswith("-")
    }


def answers_about(run: Run, meant: str, short: str) -> dict[str, int]:
    """What each command says about a job, which runs, is held, released and removed in the table's order.

    Args:
        run: types words.
        meant: what the cluster of one job is called.
        short: what one is called whose job ends well by itself, for the commands that wait for that.
    """
    _wait_for(run, meant, "R")
    found: dict[str, int] = {}
    for row, words in _typed(meant, short):
        if row.startswith(_FOLLOW):
            found[row] = run(words).returncode
            continue
        found[row] = _code(run([*words, "-json"]))
        if row.startswith("hep_hold"):
            _wait_for(run, meant, "H")
        if row.startswith("hep_rm"):
            _wait_for(run, meant, "")
    return found


def _typed(meant: str, short: str) -> Iterator[tuple[str, list[str]]]:
    """The rows that are commands, and their words."""
    for row in rows():
        if not row.startswith("-") and row not in ELSEWHERE:
            cluster = short if row.startswith(_FOLLOW) else meant
            names = {name: name.replace("13", cluster) for name in _NAMES}
            words = [names.get(word, word) for word in shlex.split(row)]
            yield row, [*words, *(["-dry-run"] if "-resubmit" in words else [])]


def _wait_for(run: Run, meant: str, state: str) -> None:
    """Wait until the only job of a cluster is in a state, or has left the queue."""
    end = time.monotonic() + _WAIT_S
    while (found := _state(run, meant)) != state:
        assert time.monotonic() < end, (meant, found, state)
        time.sleep(0.5)


def _state(run: Run, meant: str) -> str:
    jobs = json.loads(run(["hep_q", "-i", meant, "-json"]).stdout)["result"]["jobs"]
    return "".join(job["state"] for job in jobs)


def _code(done: CompletedProcess[str]) -> int:
    """The exit code; the error of that code has to be the first problem."""
    problems = json.loads(done.stdout)["problems"]
    said = problems[0]["code"] if problems else ""
    assert said == _WORDS.get(done.returncode, ""), (done.args, problems)
    return done.returncode
