"""The Python API in a real Jupyter kernel: an event loop runs, stdout is no file, and Ctrl-C is the kernel's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

from tests.here.user import User
from tests.here.world import until

POLICY = """
[defaults]
pool = "here"
memory = 10
"""
LONG_S = 60
KERNELS = {"MPLBACKEND", "FORCE_COLOR", "CLICOLOR_FORCE", "PAGER", "TERM", "JPY_PARENT_PID"}
"""Variables of the kernel that no job may have: there is no notebook for it to draw into."""


@dataclass(frozen=True)
class Cell:
    """What a cell said.

    Attributes:
        printed: all that came on stdout and stderr.
        value: the text of its last value.
        error: the name of the exception that ended it; empty for none.
        traceback: its text.
    """

    printed: str = ""
    value: str = ""
    error: str = ""
    traceback: str = ""


@dataclass(frozen=True)
class Notebook:
    """A kernel of a user."""

    manager: KernelManager
    client: BlockingKernelClient

    def run(self, code: str) -> Cell:
        """Run a cell to its end."""
        return self.end_of(self.client.execute(code))

    def end_of(self, asked: str) -> Cell:
        """Wait for the end of a cell."""
        said: dict[str, str] = {"printed": ""}
        while True:
            message = self.client.get_iopub_msg(timeout=LONG_S)
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                said["printed"] += content["text"]
            elif kind == "execute_result":
                said["value"] = content["data"]["text/plain"]
            elif kind == "error":
                said |= {"error": content["ename"], "traceback": "\n".join(content["traceback"])}
            elif kind == "status" and content["execution_state"] == "idle":
                return Cell(**said)

    def silent(self, code: str) -> str:
        """The value of a cell that has to succeed, and to print nothing."""
        cell = self.run(code)
        assert (cell.error, cell.printed) == ("", ""), cell
        return cell.value


@pytest.fixture
def user(tmp_path: Any) -> Iterator[User]:
    made = User(directory=tmp_path)
    (tmp_path / "policy.toml").write_text(POLICY)
    yield made
    made.close()


@pytest.fixture
def notebook(user: User) -> Iterator[Notebook]:
    manager, client = start_new_kernel(env=user.environment, cwd=str(user.directory))
    made = Notebook(manager, client)
    made.silent(
        "import asyncio, signal; from hepsub import *; before = signal.getsignal(signal.SIGINT)"
    )
    yield made
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_a_cluster_from_its_submission_to_its_outputs(user: User, notebook: Notebook) -> None:
    user.script('echo "$1" > r.txt; env > env.txt')
    out = user.directory / "out"
    out.mkdir()
    notebook.silent(
        "spec = JobSpec(script='job.sh', arguments=('%{ProcId}',), number=3,"
        f" outputs=(FileRequest(name='r.txt', url='{out}/%{{ProcId}}.txt'),"
        f" FileRequest(name='env.txt', url='{out}/%{{ProcId}}.env')))"
    )
    assert notebook.silent("asyncio.get_running_loop().is_running()") == "True"
    assert notebook.silent("preview(spec).jobs") == "3"
    notebook.silent("cluster = submit(spec)")
    assert notebook.silent("cluster.jobs, cluster.cluster") == "(3, 1)"
    assert notebook.silent("jobs().counts.jobs <= 3") == "True"
    assert notebook.silent("[each.cluster for each in status().clusters]") == "[1]"
    assert notebook.silent("[job.state for job in wait(cluster).jobs]") == str(["succeeded"] * 3)
    assert notebook.silent("status(cluster).clusters[0].done") == "3"
    assert (
        notebook.silent("status('1.0-1').clusters[0].done, status(1).clusters[0].done") == "(2, 3)"
    )
    assert notebook.silent("fetch(cluster, directory='d').files.in_place") == "6"
    assert [(out / f"{proc}.txt").read_text() for proc in range(3)] == ["0\n", "1\n", "2\n"]
    assert notebook.silent("signal.getsignal(signal.SIGINT) is before") == "True"
    lines = dict(line.partition("=")[::2] for line in (out / "0.env").read_text().splitlines())
    assert lines.keys().isdisjoint(KERNELS)


def test_from_a_thread_beside_the_event_loop(user: User, notebook: Notebook) -> None:
    """`await asyncio.to_thread(...)`, as those do who do not want to block the kernel."""
    user.script("sleep 0.2")
    code = (
        "there = asyncio.to_thread\n"
        "async def one(): return await there(wait, await there(submit, JobSpec(script='job.sh')))\n"
        "seen = await asyncio.gather(one(), one(), asyncio.sleep(0.1))\n"
        "[len(each.jobs) for each in seen[:2]]"
    )
    assert notebook.silent(code) == "[1, 1]"
    assert notebook.silent("signal.getsignal(signal.SIGINT) is before") == "True"


def test_errors_are_typed_and_say_what_to_do_and_what_was_found(
    user: User, notebook: Notebook
) -> None:
    user.script("exit $1")
    cell = notebook.run("submit(JobSpec(script='gone.sh'))")
    assert (cell.error, cell.printed) == ("ScriptMissing", "")
    assert "gone.sh" in cell.traceback
    notebook.silent(
        "cluster = submit(JobSpec(script='job.sh', arguments=('%{ProcId}',), number=2))"
    )
    cell = notebook.run("wait(cluster)")
    assert (cell.error, cell.printed) == ("JobsFailed", "")
    assert "hep_sub -resubmit 1 -failed" in cell.traceback
    notebook.silent(
        "import hepsub.errors\ntry: wait(cluster)\nexcept hepsub.errors.JobsFailed as error: found = error.result"
    )
    assert (
        notebook.silent("[(job.job, job.exit_code) for job in found.jobs]")
        == "[('1.0', 0), ('1.1', 1)]"
    )
    assert notebook.run("status(77)").error == "UnknownJob"
    assert notebook.run("wait('x')").error == "UsageError"


def test_the_stop_button_ends_the_waiting_and_not_the_jobs(user: User, notebook: Notebook) -> None:
    user.script("exec sleep 1000")
    notebook.silent("cluster = submit(JobSpec(script='job.sh'))")
    asked = notebook.client.execute("wait(cluster, progress=lambda _: open('waits', 'w').close())")
    until((user.directory / "waits").exists, "for the cell")
    notebook.manager.interrupt_kernel()
    cell = notebook.end_of(asked)
    assert (cell.error, cell.printed) == ("Interrupted", "")
    assert notebook.silent("signal.getsignal(signal.SIGINT) is before") == "True"
    counts = notebook.silent("(lambda c: c.idle + c.running)(status(cluster).clusters[0])")
    assert counts == "1"
    cell = notebook.run("wait(cluster, timeout_s=0.1)")
    assert cell.error == "TimeOver"
