"""The logs of failed jobs come along."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.fetch.local import stderr_of, with_logs
from hepsub.actions.fetch.result import JobOutputs, Missing
from hepsub.batch import JobStatus, State
from hepsub.bundle.report import Payload, Report
from hepsub.bundle.request import BundleRequest
from tests.unit.bundle.test_request import make_request


@pytest.fixture
def request_(tmp_path: Path) -> BundleRequest:
    """Give a submission whose second job left logs."""
    for name in ("out", "err"):
        (tmp_path / f"{name}.13.1").write_text(name)
    stdout, stderr = (f"{tmp_path}/{name}.%{{ClusterId}}.%{{ProcId}}" for name in ("out", "err"))
    return make_request(stdout=stdout, stderr=stderr)


def ended(exit_code: int | None, *, code: int = 0, signal: int | None = None) -> Report:
    """What a wrapper reports."""
    return Report(code=code, payload=Payload(exit_code=exit_code, signal=signal))


def job(
    report: Report | None = None, status: JobStatus | None = None, *, missing: bool = False
) -> JobOutputs:
    """The second job."""
    absent = Missing(proc=1, name="r", why="it was not made")
    return JobOutputs(
        proc=1, outputs=(), missing=(absent,) if missing else (), report=report, status=status
    )


def names(files: JobOutputs) -> list[str]:
    """The names of its files."""
    return [each.name for each in files.outputs]


def test_logs_that_cannot_be_looked_at_do_not_come(request_: BundleRequest, tmp_path: Path) -> None:
    """As where AFS wants a token; here the name is longer than any."""
    strange = replace(request_, stdout=f"{tmp_path}/{'n' * 300}", stderr=f"{tmp_path}/{'e' * 300}")
    assert names(with_logs(job(missing=True), strange, 13)) == []
    assert stderr_of(strange, 1, 13) is None


@pytest.mark.parametrize(
    ("files", "come"),
    [
        (job(ended(0)), False),
        (job(ended(3)), True),
        (job(ended(None, signal=9)), True),
        (job(ended(0, code=85)), False),
        (job(missing=True), True),
        (job(), False),
    ],
)
def test_the_logs_of_a_failed_job(request_: BundleRequest, files: JobOutputs, come: bool) -> None:
    """Of one that did its work, though its outputs came home, nobody needs them."""
    assert names(with_logs(files, request_, 13)) == (["out.13.1", "err.13.1"] if come else [])


def test_a_running_jobs_logs_stay_where_they_are(request_: BundleRequest) -> None:
    """They would differ the next time."""
    status = JobStatus(
        schedd="s", cluster=13, proc=1, owner="alice", submitted=0, run_seconds=0, state=State.RUNNING,
        priority=0, memory_mb=0, requested_mb=1, command="job.sh", arguments=(),
    )  # fmt: skip
    assert names(with_logs(job(status=status, missing=True), request_, 13)) == []


def test_stderr(request_: BundleRequest) -> None:
    """For the message; the first job left none."""
    found = stderr_of(request_, 1, 13)
    assert found is not None
    assert found.name == "err.13.1"
    assert stderr_of(request_, 0, 13) is None
