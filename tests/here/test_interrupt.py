"""Ctrl-C at any moment of hep_sub, with real processes: no means no, and what is submitted is named and whole."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.here.user import User
from tests.here.world import until

JOBS = 1500
POLICY = """
[defaults]
memory = 10
[storage.herd]
endpoint = "https://s3.invalid"
default = true
"""
LINE = ("job.sh", "-p", "here", "-n", str(JOBS), "-nocheck",
        "-out", "r=herd:out/%{ClusterId}/r_%{ProcId}")  # fmt: skip
SUBMITTED = re.compile(rf"{JOBS} job\(s\) submitted to cluster (\d+)\n")


@dataclass(frozen=True, kw_only=True)
class Prompt(User):
    """A user at a prompt, whose jobs go on until they are removed."""

    @property
    def environment(self) -> dict[str, str]:
        return {
            **super().environment,
            "AWS_ACCESS_KEY_ID": "AKIA",
            "AWS_SECRET_ACCESS_KEY": "hidden",
        }

    def interrupted(
        self, moment: Callable[[Prompt], bool], *words: str, presses: int = 1
    ) -> tuple[int, str, str]:
        """Run hep_sub, and press Ctrl-C at a moment."""
        with self.start("hep_sub", *(words or LINE)) as process:
            end = time.monotonic() + 30
            while not moment(self) and process.poll() is None:
                assert time.monotonic() < end
            for _ in range(presses):
                process.send_signal(signal.SIGINT)
                time.sleep(0.002)
            stdout, stderr = process.communicate(timeout=60)
            return process.returncode, stdout, stderr

    def bundles(self) -> list[Path]:
        root = self.directory / ".local/share/hepsub/bundles"
        names = (".renew", ".libraries")
        return sorted(each for each in root.glob("*") if each.name not in names)

    def manifests(self) -> int:
        try:
            return sum(1 for each in self.bundles() for _ in each.glob("job/*/hepsub.manifest"))
        except FileNotFoundError:  # one got its name, or was removed
            return 0

    def queued(self) -> list[tuple[int, int, int]]:
        """Cluster, whether it is behind its gate, and the number of jobs, of what is in the queue."""
        if not (self.directory / "queue/queue.sqlite").exists():
            return []
        path = self.directory / "queue/queue.sqlite"
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as connection:
            if not connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'procs'"
            ).fetchall():
                return []  # it is being made
            return connection.execute(
                "SELECT cluster, gated, count(*) FROM procs WHERE queued = 1 GROUP BY cluster, gated"
            ).fetchall()

    def write(self) -> None:
        (self.directory / "policy.toml").write_text(POLICY)
        # It holds its slots until its end, so that nothing else starts meanwhile.
        script = self.directory / "job.sh"
        script.write_text("#!/bin/sh\ntouch ran\nexec sleep 1000\n")
        script.chmod(0o755)


@pytest.fixture
def prompt(tmp_path: Path) -> Prompt:
    """A user at a prompt."""
    made = Prompt(directory=tmp_path)
    made.write()
    return made


def remove_all(prompt: Prompt) -> None:
    """Leave no job and no runner behind."""
    prompt.run("hep_rm", "-a", "-p", "here")
    until(lambda: not prompt.queued(), "for the queue to be empty")


def after(number: int) -> Callable[[Prompt], bool]:
    """The moment at which so many manifests are written."""
    return lambda prompt: prompt.manifests() >= number


def bundle_begun(prompt: Prompt) -> bool:
    """The moment at which the bundle is being written, before the commit."""
    return any(each.name[0] != "." for each in prompt.bundles())


def committed(prompt: Prompt) -> bool:
    """The moment at which the queue has the cluster."""
    return bool(prompt.queued())


def ready(prompt: Prompt) -> bool:
    """The moment at which everything is done."""
    with contextlib.suppress(FileNotFoundError):
        return any(list(each.rglob("ready")) for each in prompt.bundles())
    return False


def seconds(number: float) -> Callable[[Prompt], bool]:
    """A moment of the clock."""

    def passed(_prompt: Prompt) -> bool:
        time.sleep(number)
        return True

    return passed


MOMENTS = {
    "at the start": seconds(0.15),
    "while it surveys": seconds(0.3),
    "when the bundle has begun": bundle_begun,
    "just committed": committed,
    "the first manifest": after(1),
    "a third of the manifests": after(JOBS // 3),
    "the last manifest": after(JOBS),
    "ready": ready,
}


@pytest.mark.parametrize(
    ("moment", "presses"),
    [(name, 1) for name in MOMENTS]
    + [(name, 3) for name in ("when the bundle has begun", "the first manifest")],
)
def test_either_nothing_is_left_or_the_cluster_is_named_and_whole(
    prompt: Prompt, moment: str, presses: int
) -> None:
    """And a later hep_sub starts nothing that was cancelled."""
    try:
        code, stdout, stderr = prompt.interrupted(MOMENTS[moment], presses=presses)
        named = SUBMITTED.fullmatch(stdout)
        if named is None:
            assert stdout == ""
            check_nothing_is_left(prompt, code, stderr)
            code, stdout, stderr = prompt.run("hep_sub", "job.sh", "-p", "here", "-quiet")
            assert (code, stderr) == (0, "")
            assert [(gated, number) for _, gated, number in prompt.queued()] == [(0, 1)]
            return
        assert code in (0, 130), stderr
        if code == 130:
            assert f"hep_rm {named[1]} removes it" in stderr
        assert prompt.queued() == [(int(named[1]), 0, JOBS)]
        assert prompt.manifests() == JOBS
        assert ready(prompt)
    finally:
        remove_all(prompt)


def check_nothing_is_left(prompt: Prompt, code: int, stderr: str) -> None:
    """The exit code and the text of an interruption; no cluster, no bundle."""
    if "Traceback" in stderr:
        assert "in start" not in stderr  # Python itself was still starting
    else:
        assert code in (130, -signal.SIGINT)
        assert re.fullmatch(
            r"(hep_sub: error: interrupted(; nothing was submitted|; cluster \d+ was removed again)?\n)?",
            stderr,
        ), stderr
    assert prompt.queued() == []
    assert prompt.bundles() == []


def test_a_key_submits_anew_after_it_was_taken_back(prompt: Prompt) -> None:
    """-once: also where the journal was lost, and only the queue's own history is asked."""
    try:
        code, stdout, stderr = prompt.interrupted(after(3), *LINE, "-once", "k")
        assert (code, stdout) == (130, "")
        assert "cluster 1 was removed again" in stderr
        for each in (prompt.directory / ".local/state/hepsub/journal").glob("*.jsonl"):
            each.unlink()
        code, stdout, _ = prompt.run("hep_sub", *LINE, "-once", "k", "-json")
        result = json.loads(stdout)["result"]
        assert (code, result["cluster"], result["new"]) == (0, 2, True)
        assert prompt.queued() == [(2, 0, JOBS)]
        code, stdout, _ = prompt.run("hep_sub", *LINE, "-once", "k", "-json")
        result = json.loads(stdout)["result"]
        assert (code, result["cluster"], result["new"]) == (0, 2, False)
    finally:
        remove_all(prompt)


def test_ctrl_c_is_told_in_json(prompt: Prompt) -> None:
    """One document, with the cluster that was removed in its one problem."""
    try:
        code, stdout, _ = prompt.interrupted(after(3), *LINE, "-json")
        document = json.loads(stdout)
        assert (code, document["ok"], document["result"]) == (130, False, None)
        assert [each["code"] for each in document["problems"]] == ["interrupted"]
        assert document["problems"][0]["message"] == "interrupted; cluster 1 was removed again"
    finally:
        remove_all(prompt)


def test_what_a_crash_left_is_finished_and_told_even_when_asked_to_be_quiet(prompt: Prompt) -> None:
    """kill -9 is not the user's no; that jobs start which nobody asks for now is said."""
    try:
        process = prompt.start("hep_sub", *LINE)
        until(lambda: prompt.manifests() >= 3, "for manifests")
        process.kill()
        process.communicate()
        assert prompt.queued() == [(1, 1, JOBS)]
        code, stdout, stderr = prompt.run("hep_sub", "job.sh", "-p", "here", "-quiet")
        assert (code, stdout) == (0, "1 job(s) submitted to cluster 2\n")
        assert stderr == (
            "hep_sub: cluster 1, whose submission had been interrupted, was completed and may start now\n"
        )
        assert (1, 0, JOBS) in prompt.queued()
    finally:
        remove_all(prompt)
