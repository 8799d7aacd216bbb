"""Jobs that their pool has forgotten, and of which nothing comes home: their markers in the storages tell of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from hepsub.batch import JobStatus, State
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.manifest import marker_place
from hepsub.bundle.report import LARGEST, Report, read_report
from hepsub.documents import Malformed
from hepsub.jobid import SubmissionRef
from hepsub.plan.template import parse_template
from hepsub.session import Session


def stored_ends(
    session: Session, bundle: Bundle, ref: SubmissionRef, procs: Sequence[int]
) -> Iterator[JobStatus]:
    """Those of some jobs that have succeeded, for all that can be read now: others leave no marker."""
    request = bundle.request
    files = request.staging.carried_by([request.values(proc, ref.cluster) for proc in procs])
    places = {
        proc: place
        for proc, outputs in zip(procs, files.outputs, strict=True)
        if (place := marker_place(outputs, request.uuid, proc)) is not None
    }
    if not places:
        return
    from hepsub.storage.download import Downloader

    downloader = Downloader(stores=session.open_stores().refreshed)
    contents = downloader.read(list(places.values()), LARGEST)
    for proc, place in places.items():
        with contextlib.suppress(Malformed):
            report = read_report(contents[place]) if place in contents else None
            if report is not None and report.is_complete:
                yield _status(bundle, ref, proc, report)


def _status(bundle: Bundle, ref: SubmissionRef, proc: int, report: Report) -> JobStatus:
    request = bundle.request
    program = parse_template(request.executable).fill(request.values(proc, ref.cluster))
    return JobStatus(
        schedd=ref.schedd,
        cluster=ref.cluster,
        proc=proc,
        owner=request.user,
        submitted=0,
        run_seconds=max(0.0, report.ended_at - report.started_at),
        state=State.COMPLETED,
        priority=0,
        memory_mb=0,
        requested_mb=0,
        command=PurePath(program).name,
        arguments=(),
        host=report.host,
        exit_code=0,
        ended=report.ended_at,
        walltime_s=request.walltime,
    )
