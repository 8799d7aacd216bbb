"""The texts of what is asked of the queue, and done to it: HepJob's table, parsed by scripts for years, and others."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from hepsub.batch import State
from hepsub.jobid import procs_brief
from hepsub.terminal import few
from hepsub.units import clock_text, duration_text, run_time_text

if TYPE_CHECKING:
    from hepsub.actions.queue.control import Control
    from hepsub.actions.queue.edit import Change, Edited
    from hepsub.actions.queue.history import Past
    from hepsub.actions.queue.later import WaitedJobs
    from hepsub.actions.queue.query import Listing
    from hepsub.actions.queue.wait import Waited
    from hepsub.actions.queue.walltimes import Walltimes
    from hepsub.actions.queue.why import Explanations
    from hepsub.batch import JobStatus

_JOB_ROW = "%-15s %-15s %-15s %-15s %-2s %-3s %-5s %s"
_HEADER = _JOB_ROW % ("JOBID", "OWNER", "SUBMITTED", "RUN_TIME", "ST", "PRI", "SIZE", "CMD")
_NO_DATE = "??/?? ??:??"
_NAMED = 3
_COUNTS = ("completed", "removed", "idle", "running", "held", "suspended")


def listing(value: Listing) -> Iterable[str]:
    """The table of hep_q: four lines, and one for each job."""
    # `[ $(hep_q -u | wc -l) -ne 4 ]` stands in people's cron jobs, and means that something is in the queue.
    return (_HEADER, *_job_rows(value), "", "", summary(value))


def summary(value: Listing) -> str:
    """The last line."""
    counts = value.counts()
    return f"{counts.jobs} jobs; " + ", ".join(
        f"{getattr(counts, name)} {name}" for name in _COUNTS
    )


def _job_rows(value: Listing) -> Iterator[str]:
    # Jobs of a cluster have most of these in common, and there may be 20,000 of them.
    dates = cache(lambda moment: clock_text(moment) if moment else _NO_DATE)
    times = cache(run_time_text)
    letters = {state: state.value for state in State}
    for job in value.jobs:
        words = (
            job.id, job.owner, dates(job.submitted), times(job.run_seconds),
            letters[job.state], job.priority, f"{job.memory_mb:.1f}", " ".join((job.command, *job.arguments)),
        )  # fmt: skip
        yield (_JOB_ROW % words).rstrip()
        if value.reasons and job.hold_reason:
            yield f"    {job.hold_reason} (code {job.hold_code}/{job.hold_subcode})"


def explanations(value: Explanations) -> Iterator[str]:
    """Why jobs are where they are, and what to do."""
    for each in value.explanations:
        yield f"{few(each.jobs, _NAMED)} ({each.state.value}): {each.sentence}"
        for detail in each.details:
            yield f"    {detail}"
        if each.next_command:
            yield f"    next: {each.next_command}"


def past(value: Past) -> Iterator[str]:
    """The table of jobs that have ended; on a terminal, where no script reads it, with a summary in front."""
    if value.summary and sys.stdout.isatty():
        from hepsub.cli.text.status import summary_lines

        for each in value.summary:
            yield from summary_lines(each)
        yield ""
    row = "%-15s %-15s %-15s %-15s %-6s %-5s %-11s %s"  # columns where hep_q has them, as far as they are the same
    yield row % ("JOBID", "OWNER", "ENDED", "RUN_TIME", "EXIT", "SIZE", "CPU_TIME", "CMD")
    for job in value.jobs:
        ended = clock_text(job.ended) if job.ended else "-"
        command = " ".join([job.command, *job.arguments])
        yield row % (
            job.id, job.owner, ended, run_time_text(job.run_seconds), _exit(job), f"{job.memory_mb:.1f}",
            run_time_text(job.cpu_seconds), command,
        )  # fmt: skip
        if job.remove_reason:
            yield f"    {job.remove_reason}"


def _exit(job: JobStatus) -> str:
    if job.exit_signal is not None:
        return f"sig {job.exit_signal}"
    return str(job.exit_code) if job.exit_code is not None else job.state.value


def control(value: Control) -> Iterable[str]:
    """What was done to jobs."""
    from hepsub.actions.queue.control import DONE_WORDS

    word = DONE_WORDS[value.act]
    lines = [f"{each.meant}: {each.number} job(s) {word}" for each in value.outcomes if each.number]
    # Without any outcome nobody could be asked, and the errors alone say so.
    return lines or ([f"0 job(s) {word}"] if value.outcomes else [])


def edited(value: Edited) -> Iterator[str]:
    """What was changed."""
    if not value.changes:
        yield "0 job(s) changed"
    for each in value.changes:
        changed = f"{each.what} {_amount(each, each.old)} -> {_amount(each, each.new)}"
        yield f"{each.meant}: {changed} ({each.number} job(s))"


def _amount(change: Change, amount: int | None) -> str:
    """What was or is asked for, with its unit."""
    if amount is None:
        return "(not known)"
    if change.what in ("memory", "disk"):
        return f"{amount} MB"
    return duration_text(amount) if change.what == "walltime" else str(amount)


def walltimes(value: Walltimes) -> Iterator[str]:
    """The walltime classes."""
    # HepJob's own words, which scripts parse.
    yield f"Walltime Limit INFO for group '{value.group}':"
    for name, limit in value.limits.items():
        text = f"{limit / 3600:.1f} hours" if limit >= 3600 else f"{limit / 60:.1f} minutes"
        yield f"'{name}' job walltime limit is: {text}."


def waited(value: Waited) -> str:
    """The text of a cluster that was waited for; empty when the user had enough of it."""
    if value.interrupted:
        return ""
    good = len(value.jobs) - len(value.failed())  # how these failed is told as a problem
    number = max(len(value.jobs), value.submission.submitted.number)
    return f"{good} of {number} job(s) ended with exit code 0"


def waited_jobs(value: WaitedJobs) -> Iterator[str]:
    """The text of jobs that were waited for; empty when the user had enough of it."""
    if not value.jobs:
        return
    good = sum(job.state == "succeeded" for job in value.jobs)
    yield f"{good} of {len(value.jobs)} job(s) ended with exit code 0"
    # Else the problem tells how the others failed; here it tells of those that go on.
    if value.timed_out:
        yield from _standing(value)


def _standing(value: WaitedJobs) -> Iterator[str]:
    """How many of the others stand in each way, and which."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for job in value.jobs:
        if job.state != "succeeded":
            groups[job.reason].append(job.job)
    for reason, jobs in groups.items():
        clusters: defaultdict[str, list[int]] = defaultdict(list)
        for each in jobs:
            cluster, _, proc = each.rpartition(".")
            clusters[cluster].append(int(proc))
        named = ", ".join(f"{cluster}.{procs_brief(procs)}" for cluster, procs in clusters.items())
        yield f"{len(jobs)} {reason}: {named}"
