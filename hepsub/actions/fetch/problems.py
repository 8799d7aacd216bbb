"""What hep_fetch could not do, for people: jobs of one kind in one line, with the next command."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator

from hepsub.actions.fetch.local import stderr_of
from hepsub.actions.fetch.plan import job_ranges
from hepsub.actions.fetch.result import FetchedCluster, JobOutputs, LocalFile, LocalState
from hepsub.actions.submissions import SelectedJobs
from hepsub.batch import ACTIVE, State
from hepsub.errors import NotDone
from hepsub.result import Problem
from hepsub.terminal import few, printable

_NAMED = 5


def problems_of(
    selected: SelectedJobs, cluster: FetchedCluster, *, listing: bool
) -> Iterator[Problem]:
    """The problems of a cluster: what is missing, differs, was not fetched, or belongs to another run."""
    yield from _missing(selected, cluster)
    if not listing:
        yield from _different(cluster)
        yield from _failed(cluster)
    odd: defaultdict[str, list[int]] = defaultdict(list)
    for job in cluster.jobs:
        for text in job.oddities:
            odd[text].append(job.proc)
    for text, procs in odd.items():
        yield Problem(
            code="mixed",
            message=f"{job_ranges(cluster.cluster, procs)}: {text}",
            remedy="do not take its outputs for one result: run the job again; when another submission writes there,"
            " too, give it another place (-out)",
        )


def _missing(selected: SelectedJobs, cluster: FetchedCluster) -> Iterator[Problem]:
    """A job counts once, with all of its outputs that are missing for one reason."""
    groups: defaultdict[tuple[str, tuple[str, ...]], list[JobOutputs]] = defaultdict(list)
    for job in cluster.jobs:
        names: defaultdict[str, list[str]] = defaultdict(list)
        for each in job.missing:
            if not each.optional:
                names[each.why].append(printable(each.name))
        for why, own in names.items():
            groups[why, tuple(own)].append(job)
    for (why, names_), jobs in groups.items():
        procs = [job.proc for job in jobs]
        yield Problem(
            code="output-missing",
            message=f"{job_ranges(cluster.cluster, procs)}: no {few(names_, _NAMED)}: {why}",
            remedy=_next(selected, jobs),
        )


def _next(selected: SelectedJobs, jobs: list[JobOutputs]) -> str:
    """What to do about outputs that are missing."""
    first = jobs[0]
    # The first job stands for all in its line: a command with ten thousand ids helps nobody.
    if any(each.unseen for each in first.missing):
        return "the same command again, when the storage answers and lets you read"
    job = f"{selected.meant}.{first.proc}"
    if first.status is not None and first.status.state in ACTIVE:
        return f"hep_fetch -wait {selected.meant} waits for it"
    if first.status is not None and first.status.state is State.HELD:
        return f"hep_q -i {job} -why tells what to do"
    request = selected.bundle.request if selected.bundle is not None else None
    log = stderr_of(request, first.proc, selected.ref.cluster) if request is not None else None
    where = f"its stderr is {log}" if log is not None else "its stderr is where -e put it"
    return f"{where}; hep_history {job} tells how it ended"


def _different(cluster: FetchedCluster) -> Iterator[Problem]:
    files = [each for each in cluster.files if each.state is LocalState.DIFFERENT]
    if not files:
        return
    yield Problem(
        code=NotDone.code,
        message=f"{len(files)} file(s) of cluster {cluster.cluster} were left as they are, because they differ:"
        f" {few([f'{printable(str(each.path))} ({each.trouble})' for each in files], _NAMED)}",
        remedy="-force replaces them, -d DIR fetches to another place",
    )


def _failed(cluster: FetchedCluster) -> Iterator[Problem]:
    groups: defaultdict[str, list[LocalFile]] = defaultdict(list)
    for each in cluster.files:
        if each.state is LocalState.FAILED:
            groups[each.trouble].append(each)
    for trouble, files in groups.items():
        sources = few([printable(str(each.output.source)) for each in files], _NAMED)
        jobs = job_ranges(cluster.cluster, (f.output.proc for f in files))
        path = printable(os.path.commonpath([each.path for each in files]))
        yield Problem(
            code="not-fetched",
            message=f"{jobs}: {sources} -> {path}: {trouble}",
            remedy="the same command tries again, and goes on where it was; -d DIR fetches to another place",
        )
