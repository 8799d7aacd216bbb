"""README's three lines for snakemake: its jobs run, fail and are cancelled as its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import workflow
from tests.here.user import User
from tests.here.world import until
from tests.testbed.fixtures import available

POLICY = """
[defaults]
pool = "here"
"""


class Scientist(User):
    """A user with a workflow, and hepsub's commands on PATH."""

    @property
    def environment(self) -> dict[str, str]:
        own = super().environment
        return own | {"PATH": f"{self.directory}/bin:{own['PATH']}"}

    def snakemake(self, python: Path, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [python, *workflow.command(*words)],
            cwd=self.directory,
            env={name: text for name, text in self.environment.items() if name != "PYTHONPATH"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


@pytest.fixture(scope="session")
def python() -> Path:
    return available(workflow.python)


@pytest.fixture
def user(tmp_path: Path) -> Iterator[Scientist]:
    made = Scientist(directory=tmp_path)
    for name, text in {**workflow.files(), "policy.toml": POLICY}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "bin").mkdir()
    for name in ("hep_sub", "hep_rm"):
        run = f'PYTHONPATH={made.environment["PYTHONPATH"]} exec {sys.executable} -m hepsub {name} "$@"'
        made.script(run, f"bin/{name}")
    yield made
    made.close()


def test_a_workflow_runs_to_its_end(user: Scientist, python: Path) -> None:
    said, _ = (process := user.snakemake(python)).communicate(timeout=120)
    assert process.returncode == 0, said
    assert (user.directory / "sum.txt").read_text() == "0\n1\n"
    assert "with external jobid '3'" in said
    assert user.ok("hep_sub", "status", "-state", "3") == "success\n"


def test_a_job_that_fails_fails_the_workflow(user: Scientist, python: Path) -> None:
    said, _ = (process := user.snakemake(python, "never.txt")).communicate(timeout=120)
    assert process.returncode != 0
    assert "Error in rule fails" in said
    assert "external_jobid: 1" in said
    assert user.ok("hep_sub", "status", "-state", "1") == "failed\n"


def test_ctrl_c_removes_the_jobs(user: Scientist, python: Path) -> None:
    with user.snakemake(python, "long.txt") as process:
        until((user.directory / "lasts").exists, "for the job")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "1 job(s) removed" in said
    until(user.is_idle, "for the queue to be empty")
