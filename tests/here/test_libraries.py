"""Libraries in the embedded pool: unpacked in the job's scratch directory, found by it, gone with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hepsub.batch import Act, State
from tests.here.world import Here, until

REPORT = 'tool; cat $HEPSUB_LIB/data.txt; pwd; echo "${PATH%%:*}"'
"""What a job says of them."""


@pytest.fixture
def at_home(here: Here) -> Here:
    """Give a pool whose bundles are in the test's directory, under a name that lasts."""
    policy = f'[staging]\nbundle_dir = "/proc/self/root{here.directory}/bundles"\n{here.policy}'
    made = replace(here, policy=policy)
    tools = made.directory / "tools"
    (tools / "bin").mkdir(parents=True)
    (tools / "bin/tool").write_text("#!/bin/sh\necho tooled\n")
    (tools / "bin/tool").chmod(0o755)
    (made.directory / "data.txt").write_text("calibrated\n")
    return made


LIBRARIES = ("-lib", "tools", "-lib", "data.txt")


def test_a_job_in_the_submit_directory(at_home: Here) -> None:
    """It runs where it was submitted; nothing of the libraries is left anywhere but in the cache."""
    at_home.script(REPORT)
    cluster = at_home.submit("job.sh", *LIBRARIES, "-n", "3")
    for job in at_home.ended(cluster):
        assert (job.exit_code, job.exit_signal) == (0, None)
        lines = at_home.read(f"job.sh.out.{cluster}.{job.proc}").splitlines()
        assert lines[:3] == ["tooled", "calibrated", str(at_home.directory)]
        assert lines[3].endswith(f"/scratch/{job.proc}/hepsub_lib/tools/bin")
    assert not list(at_home.directory.glob("hepsub_lib*"))
    assert not list(at_home.directory.glob("bundles/*/scratch/*"))
    archives = at_home.directory / "bundles/.libraries"
    assert [path.stat().st_nlink for path in archives.glob("*.tar.gz")] == [2, 2]


def test_a_job_with_outputs(at_home: Here) -> None:
    """In its scratch directory, with the libraries beside its files."""
    at_home.script(f"({REPORT}) > r; ls -d hepsub_lib* >> r")
    cluster = at_home.submit("job.sh", *LIBRARIES, "-out", "r=result.txt")
    assert [job.exit_code for job in at_home.ended(cluster)] == [0]
    lines = at_home.read("result.txt").splitlines()
    assert lines[:2] == ["tooled", "calibrated"]
    assert lines[-1] == "hepsub_lib"


def test_a_job_that_runs_twice_has_them_twice(at_home: Here) -> None:
    """The archive in the bundle stays for the next run."""
    marker = at_home.directory / "first"
    at_home.script(f"tool; [ -e {marker} ] || {{ touch {marker}; sleep 1000; }}")
    cluster = at_home.submit("job.sh", *LIBRARIES)
    hold_and_release(at_home, cluster, marker)
    assert [job.exit_code for job in at_home.ended(cluster)] == [0]
    assert at_home.read(f"job.sh.out.{cluster}.0") == "tooled\n"


def hold_and_release(here: Here, cluster: int, marker: Path) -> None:
    """Stop the first run when it has begun, and let a second one begin."""
    until(marker.exists, "for the first run")
    here.act(Act.HOLD, f"{cluster}.0")
    here.reach(f"{cluster}.0", State.HELD)
    until(lambda: not list(here.directory.glob("bundles/*/scratch/*")), "for its end")
    here.act(Act.RELEASE, f"{cluster}.0")
