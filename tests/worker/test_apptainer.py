"""The payload in an image that real Apptainer starts, as a user without any rights."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.testbed import apptainer, process
from tests.testbed.apptainer import IMAGE, USER, Worker
from tests.testbed.fixtures import available
from tests.worker.job import WRAPPER, Ended, Job, wait_for
from tests.worker.test_libraries import ONE, send

SHOW = r"""
pwd; id -u; ls /; cat "$BEARER_TOKEN_FILE"; [ -w /tmp ] && touch "/tmp/in scratch"
printf '<%s>' "$ODD" "$HOME" "${LD_LIBRARY_PATH#$PWD}" "$1"
tr '\0' '\n' <"/proc/$$/environ" | grep '^A.B'
echo warning >&2; echo made >made; exit 3
"""
ODD = "a\"b$HOME`id`\\x\nline 2 'é"


class UsersJob(Job):
    """A job of another user than the one who looks at it."""

    def end(self, process: subprocess.Popen[str], begun: float | None = None) -> Ended:
        """Take over what it left behind, and look at it."""
        process.wait(self.timeout)
        for path in (self.home, *self.home.rglob("*")):
            os.chown(path, os.geteuid(), os.getegid())
        return super().end(process, begun)


@pytest.fixture(scope="module")
def worker() -> Worker:
    """Give the worker node."""
    return available(apptainer.start)


@pytest.fixture(params=["directory", "sif"])
def real_job(tmp_path: Path, worker: Worker, request: pytest.FixtureRequest) -> Job:
    """Give a job there, in an image of each kind."""
    scratch = tmp_path / "scratch"
    scratch.mkdir(mode=0o700)
    os.chown(scratch, USER.uid, USER.uid)
    enter = [*worker.enter(scratch, WRAPPER.parent), "/usr/bin/env", "A.B=odd", "/bin/sh"]
    job = UsersJob(scratch, enter, Path("/usr/bin"), timeout=60)
    image = IMAGE
    if request.param == "sif":
        made = process.run([*worker.enter(scratch), "apptainer", "build", "x.sif", IMAGE])
        assert "Build complete" in made.stderr
        image = "x.sif"
    job.add("image", image)
    return job


def own(job: Job) -> None:
    """Give the user what was written for him."""
    job.write("hepsub.manifest", job.manifest())
    for path in job.directory.rglob("*"):
        os.chown(path, USER.uid, USER.uid)


def test_all_is_as_without_an_image(real_job: Job) -> None:
    job = real_job
    job.payload(SHOW)
    job.write("iam.token", "secret\n")
    job.add("credential", "iam", "token", "iam.token", "-")
    send(job, "libOne.so", "file", ONE)
    job.add("home", "made", "-", "-")
    job.add("bind", "/opt")
    job.env |= {"ODD": ODD, "HOME": "/home/x", "LD_LIBRARY_PATH": "/nowhere"}
    own(job)
    ended = job.run("an 'argument'")
    pwd, uid, *top = ended.stdout.partition("\nsecret\n")[0].splitlines()
    assert (pwd, uid) == (str(job.directory), str(USER.uid))
    assert {"bin", "opt", "tmp"} <= set(top)
    assert not {"srv", "boot", "media"} & set(top), "of the machine"
    assert f"<{ODD}></home/x></hepsub_lib:/nowhere><an 'argument'>A.B=odd\n" in ended.stdout
    assert (ended.code, ended.stderr, ended.outputs()) == (3, "warning\n", {"made": "home"})


def test_signals_and_the_walltime_end_it_as_they_do_without(real_job: Job) -> None:
    job = real_job
    job.payload(
        "trap 'echo usr1' USR1; trap 'echo term; exit 5' TERM; : >ready; while :; do sleep 0.1; done"
    )
    job.add("walltime", "20", "12")
    own(job)
    running = job.start()
    wait_for((job.directory / "ready").exists, "the payload", 20)
    running.send_signal(signal.SIGUSR1)
    ended = job.end(running)
    assert (ended.code, ended.stdout) == (86, "usr1\nterm\n")
    assert ended.report["payload"]["exit_code"] == 5


def test_what_is_no_image_is_83(real_job: Job) -> None:
    job = real_job
    job.lines = [("image", "run.sh")]
    job.payload("echo ran")
    own(job)
    ended = job.run()
    assert (ended.code, ended.stdout, ended.report["payload"]) == (83, "", None)
    assert "image format not recognized" in ended.stderr
