"""HepJob's command lines on a machine without a pool: their jobs get what HepJob gives them, or are refused."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hepsub.errors import NotOnThisMachine, UsageError
from tests.corpus import TELL, Line, check_received, environment_of, read_lines
from tests.here.user import User

POLICY = """
[defaults]
pool = "here"
"""
OWN = {
    "LANG": "C.UTF-8",
    "TERM": "xterm",
    "FLAVOUR": "a b'\"$X \\ %{ProcId}",
    "EMPTY": "",
    "LD_LIBRARY_PATH": "/opt/lib",
}
"""What the submitter has set."""
SAME = {"_CONDOR_IHEP_JOB_ID", "_CONDOR_HEPSUB_RUN", "PWD", "OLDPWD", "SHLVL", "_"}
"""What the job and its shell have besides."""


class Scientist(User):
    """A user with an environment."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **OWN, "CORPUS_OUT": str(self.results)}

    @property
    def results(self) -> Path:
        """Where jobs tell what they got."""
        return self.directory / "results"

    def prepare(self, line: Line) -> None:
        """Make what the line names: scripts, directories, the image."""
        for place in line.directories():
            place.mkdir(parents=True, exist_ok=True)
        if "image" in line.expect:
            (line.directory / line.expect["image"]).touch()
        for path, text in line.programs():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)


@pytest.fixture
def user(tmp_path: Path) -> Iterator[Scientist]:
    made = Scientist(directory=tmp_path)
    (tmp_path / "policy.toml").write_text(POLICY)
    made.results.mkdir()
    (made.results / "tell").write_text(TELL)
    yield made
    made.close()


def refusal(line: Line) -> int:
    """The exit code of a line that asks for what this machine does not have; 0 for the others."""
    if {"wn", "gwn"} & line.expect.keys():
        return UsageError.exit_code
    return NotOnThisMachine.exit_code if line.has_image() or "gpu" in line.expect else 0


def test_what_the_jobs_of_the_corpus_get_is_what_hepjob_gives_them(user: Scientist) -> None:
    """Arguments, directory, stdin, logs and environment, by value; what cannot be had here is refused."""
    lines = read_lines(user.directory)
    assert len(lines) == 116
    for line in lines:
        user.prepare(line)

    def submit(line: Line) -> tuple[int, str, str]:
        return user.run("hep_sub", *line.argv, cwd=line.directory)

    with ThreadPoolExecutor(2) as threads:
        done = list(zip(lines, threads.map(submit, lines), strict=True))
    assert [(line, code) for line, (code, _, _) in done] == [(e, refusal(e)) for e in lines]
    assert all(said == "" for _, (code, said, _) in done if code)
    clusters = {cluster_of(said): line for line, (code, said, _) in done if code == 0}
    assert len(clusters) == 93
    user.ok("hep_wait", *map(str, clusters))
    for cluster, line in clusters.items():
        check_received(line, cluster, user.results)
        for proc in range(line.jobs):
            got = environment_of(f"{cluster}.{proc}", user.results)
            assert {name: got.get(name) for name in user.environment} == user.environment
            assert got["_CONDOR_IHEP_JOB_ID"] == f"{cluster}.{proc}"
            if line.script(proc).suffix != ".csh":  # csh sets HOST, MACHTYPE and others
                assert got.keys() - user.environment.keys() <= SAME


def cluster_of(said: str) -> int:
    """The cluster, as scripts find it: the one line on stdout, without a full stop."""
    found = re.fullmatch(r"\d+ job\(s\) submitted to cluster (\d+)\n", said)
    assert found, said
    return int(found[1])


def test_cron_has_no_locale_and_neither_has_its_job(user: Scientist) -> None:
    """Python sets LC_CTYPE for itself, and an old system in a container does not know its value."""
    user.script(TELL)
    lean = {name: text for name, text in user.environment.items() if name != "LANG"}
    done = subprocess.run(
        [sys.executable, "-m", "hepsub", "hep_sub", "job.sh", "-wait"],
        env=lean, cwd=user.directory, check=True, capture_output=True,
    )  # fmt: skip
    assert done.stdout.startswith(b"1 job(s) submitted to cluster 1\n")
    got = environment_of("1.0", user.results)
    assert got.keys() - lean.keys() <= SAME
    for value in ("C.UTF-8", "en_US.UTF-8"):
        own = {**lean, "LC_CTYPE": value}
        subprocess.run(
            [sys.executable, "-m", "hepsub", "hep_sub", "job.sh", "-wait"],
            env=own, cwd=user.directory, check=True, capture_output=True,
        )  # fmt: skip
    assert environment_of("2.0", user.results)["LC_CTYPE"] == "C.UTF-8"
    assert environment_of("3.0", user.results)["LC_CTYPE"] == "en_US.UTF-8"
