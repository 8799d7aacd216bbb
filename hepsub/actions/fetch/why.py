"""Why an output is not there, in words: the queue knows first, then the report, then the history."""

from __future__ import annotations

from hepsub.actions.fetch.listing import Job, Sight
from hepsub.batch import JobStatus, State
from hepsub.bundle.report import Report, ReportedOutput
from hepsub.plan.files import Carried
from hepsub.plan.location import ObjectPlace
from hepsub.terminal import printable

_IN_THE_QUEUE = {
    State.IDLE: "the job is idle",
    State.RUNNING: "the job is running",
    State.TRANSFERRING: "the job is running",
    State.SUSPENDED: "the job is suspended",
}


def why_missing(job: Job, carried: Carried, sight: Sight) -> str:
    """Why an output is not there, in words."""
    place = carried.place
    if isinstance(place, ObjectPlace) and place.storage in sight.troubles:
        return sight.troubles[place.storage]
    if job.status is not None and (text := _in_the_queue(job.status)):
        return text
    if carried.name in job.returned.others:
        return "it came home as what is no regular file of yours, such as a link, which is not followed"
    if job.report is not None:
        return _reported(job.report, job.report.said(carried.name))
    if job.status is None:
        return "the job left no report, and no schedd knows how it ended"
    return f"the job {_ended(job.status)}, and left no report"


def _in_the_queue(status: JobStatus) -> str:
    if status.state is State.HELD:
        return f"the job is on hold ({printable(status.hold_reason)})"
    if status.state is State.REMOVED:
        because = f" ({printable(status.remove_reason)})" if status.remove_reason else ""
        return f"the job was removed{because}"
    return _IN_THE_QUEUE.get(status.state, "")


def _ended(status: JobStatus) -> str:
    if status.exit_signal is not None:
        return f"was ended by signal {status.exit_signal}"
    return f"ended with exit code {status.exit_code}"


def _reported(report: Report, said: ReportedOutput | None) -> str:
    """Why it is missing, by the wrapper's words."""
    because = f": {report.complaint}" if report.code and report.message else ""
    if said is None or said.state == "missing":
        return f"it was not made; {report.end_text()}{because}"
    if said.state == "lost":
        return f"it is lost{because}"
    where = f" as {printable(said.url)}" if said.url else ""
    if said.state == "home":
        return "it came home, and is not there any more"
    return f"it was saved{where}, and is not there any more"
