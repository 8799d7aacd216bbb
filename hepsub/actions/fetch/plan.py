"""Which outputs a job has, where each of them is, and why others are missing. Decisions, no network."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from hepsub.actions.fetch.result import Job, JobOutputs, Missing, Output, RemoteListing
from hepsub.actions.fetch.runs import (
    is_marked_complete,
    is_of_another_run,
    left_over,
    mixed_runs,
)
from hepsub.batch import RUNNING, JobStatus, State
from hepsub.bundle.report import REPORT, RETURNED, Report, ReportedOutput, as_reported
from hepsub.bundle.returned import OUTPUTS, Returned, ReturnedFile, matches
from hepsub.plan.files import Carried
from hepsub.plan.location import FilePlace, ObjectPlace, Place
from hepsub.plan.objects import ObjectInfo
from hepsub.terminal import printable

_IN_THE_QUEUE = {
    State.IDLE: "the job is idle",
    State.RUNNING: "the job is running",
    State.TRANSFERRING: "the job is running",
    State.SUSPENDED: "the job is suspended",
}


def plan_job(job: Job, listing: RemoteListing, status: JobStatus | None = None) -> JobOutputs:
    """What there is of a job, and what there is not, and why.

    Args:
        job: what is known of it.
        listing: what the stores have.
        status: the job as its schedd knows it; None when it was not asked, or does not know.
    """
    if job.report is None and status is not None and status.state in (*RUNNING, State.HELD):
        # HTCondor may be writing it this moment, or was kept from going on: what has come so far is no output yet.
        job = replace(job, returned=Returned())
    outputs: dict[str, Output] = {}
    missing: list[Missing] = []
    oddities: list[str] = []
    for each in job.carried:
        found, odd = _found(job, each, listing)
        oddities += odd
        for output in found:  # one with two destinations is brought once
            outputs.setdefault(output.name, output)
        if not found:
            missing.append(_missing(job, each, listing, status))
    if job.bundle.request.staging.brings_all:
        new = (_returned_file(job, name) for name in job.returned.files if _is_returned(job, name))
        outputs |= {each.name: each for each in new}
    mixed = mixed_runs(job, outputs, missing, listing)
    required = [each for each in missing if not each.optional]
    complete = not required and not mixed and is_marked_complete(job, outputs)
    if job.report_file is not None:
        outputs.setdefault(REPORT, job.report_file)
    return JobOutputs(
        proc=job.proc,
        outputs=tuple(outputs.values()),
        missing=tuple(missing),
        oddities=(*oddities, *left_over(job), *mixed, *job.unusable),
        report=job.report or job.marked,
        complete=None if job.marker is None else complete,
        status=status,
    )


def _missing(
    job: Job, carried: Carried, listing: RemoteListing, status: JobStatus | None
) -> Missing:
    unseen = _unseen(carried.place, listing)
    return Missing(
        proc=job.proc,
        name=carried.name,
        why=unseen or _why_missing(job, carried, status),
        optional=carried.optional,
        unseen=bool(unseen),
    )


def _why_missing(job: Job, carried: Carried, status: JobStatus | None) -> str:
    """Why an output is not there, in words."""
    # The queue knows first: a report may be an earlier run's. The history knows only how the job ended.
    if status is not None and (text := _in_the_queue(status)):
        return text
    if carried.name in job.returned.others:
        return "it came home as what is no regular file of yours, such as a link, which is not followed"
    if job.report is not None:
        return _reported(job.report, job.report.output_named(carried.name))
    if status is None:
        return "the job left no report, and no schedd knows how it ended"
    return f"the job {_ended(status)}, and left no report"


def _unseen(place: Place, listing: RemoteListing) -> str:
    """What keeps its user from seeing whether a place holds an output; empty for nothing."""
    if isinstance(place, ObjectPlace):
        return listing.troubles.get(place.storage, "")
    try:
        os.stat(place.path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:  # AFS without a token, a mount that has died
        return f"{place} cannot be looked at: {error.strerror}"
    return ""


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


def _found(job: Job, carried: Carried, listing: RemoteListing) -> tuple[list[Output], list[str]]:
    """Where an output, or what matches a pattern, is; what was returned is newer than what is elsewhere."""
    returned = [
        _returned_file(job, name) for name in job.returned.of(carried) if _is_returned(job, name)
    ]
    if isinstance(carried.place, FilePlace):
        return returned or _at_path(job, carried, carried.place), []
    if carried.is_pattern:
        # Some matches may have been uploaded, and others brought home when the store went away.
        found, odd = _matches(job, carried, carried.place, listing)
        names = {each.name for each in returned}
        return [*returned, *(each for each in found if each.name not in names)], odd
    if returned:
        return returned, []
    seen = listing.objects.get(carried.place)
    if seen is not None and is_of_another_run(job, carried):
        return [], []
    return ([_object(job, carried.name, carried.place, seen)] if seen is not None else []), []


def _is_returned(job: Job, name: str) -> bool:
    """Whether the last run brought it, as far as its report tells."""
    return job.report is None or job.report.was_returned(name, job.returned.files[name].st_size)


def _returned_file(job: Job, name: str) -> Output:
    facts = job.returned.files[name]
    said = job.report.output_named(name) if job.report is not None else None
    return Output(
        proc=job.proc,
        name=name,
        source=ReturnedFile(bundle=job.bundle, proc=job.proc, name=f"{OUTPUTS}/{name}"),
        size=facts.st_size,
        md5=(said.md5 or "") if said is not None else "",
        modified=facts.st_mtime,
    )


def _at_path(job: Job, carried: Carried, place: FilePlace) -> list[Output]:
    """What is where -out says: nobody needs a copy of that."""
    path = Path(place.path)
    name = carried.name.rpartition("/")[2]
    if carried.is_pattern:
        paths = sorted(each for each in _in(path) if matches(name, each.name))
    else:
        paths = [path / name if _is_into(job, path, name) else path]
    found: list[Output] = []
    for each in paths:
        if not _is_own(job, carried, each):
            continue
        with contextlib.suppress(OSError):  # it is not there, or cannot be looked at (`_unseen`)
            facts = each.stat()
            found.append(
                Output(
                    proc=job.proc,
                    name=each.name if carried.is_pattern else carried.name,
                    source=each,
                    size=facts.st_size,
                    modified=facts.st_mtime,
                    stays=True,
                )
            )
    return found


def _is_into(job: Job, path: Path, name: str) -> bool:
    """Whether an output was put into what was a directory already: its report tells, else what is there."""
    told = job.report.by_url() if job.report is not None else {}
    return as_reported(str(path / name)) in told or (
        path.name != name and os.path.exists(path / name)
    )


def _in(directory: Path) -> list[Path]:
    """What is in a directory; nothing where it is none, or cannot be read."""
    try:
        return list(directory.iterdir())
    except OSError:
        return []


def _is_own(job: Job, carried: Carried, path: Path) -> bool:
    """Whether the job moved a file there, as far as its report tells."""
    if not carried.is_pattern or job.report is None:
        return True
    if as_reported(str(path)) in job.report.by_url():
        return True
    # What was returned may have been put there since.
    told = (each.name for each in job.report.outputs if each.state == RETURNED)
    return any(matches(carried.name, n) and n.rpartition("/")[2] == path.name for n in told)


def _matches(
    job: Job, carried: Carried, place: ObjectPlace, listing: RemoteListing
) -> tuple[list[Output], list[str]]:
    """The objects below a prefix that the job wrote: its report knows, else the pattern tells."""
    pattern = carried.name.rpartition("/")[2]
    below = {
        where: listing.objects[where]
        for where in listing.directly_below(place)
        if matches(pattern, where.key.removeprefix(place.key)) and where != job.marker
    }
    if job.reference is not None:
        # A file in a directory of the job's is uploaded by its last component: the report has its name.
        names = job.reference.by_url()
        own = {
            where: names[listing.urls[where]]
            for where in below
            if _is_match(names.get(listing.urls[where], ""), carried, where)
        }
        foreign = [w for w in below if w not in own and listing.urls[w] not in listing.reported]
        odd = _foreign_text(foreign, carried, place) if place not in listing.shared else []
        return [_object(job, name, where, below[where]) for where, name in own.items()], odd
    free = [where for where in below if listing.urls.get(where) not in listing.reported]
    if place in listing.shared and free:
        return [], [
            f"{len(free)} object(s) below {place} match '{pattern}', but several jobs write there and this one"
            " left no report that says which are its own"
        ]
    return [
        _object(job, where.key.removeprefix(place.key), where, below[where]) for where in free
    ], []


def _is_match(name: str, carried: Carried, where: ObjectPlace) -> bool:
    """Whether a report may call an object so: the pattern, and the object's last component, say how."""
    return matches(carried.name, name) and name.rpartition("/")[2] == where.key.rpartition("/")[2]


def _foreign_text(foreign: list[ObjectPlace], carried: Carried, place: ObjectPlace) -> list[str]:
    if not foreign:
        return []
    return [
        f"{len(foreign)} object(s) below {place} match '{carried.name}' and are not of the run that the report"
        f" tells of, such as {printable(foreign[0].key)}"
    ]


def _object(job: Job, name: str, place: ObjectPlace, seen: ObjectInfo) -> Output:
    said = job.reference.output_named(name) if job.reference is not None else None
    told = (said.md5 or "") if said is not None else ""
    return Output(
        proc=job.proc,
        name=name,
        source=place,
        size=seen.size,
        # An ETag of what came in parts, or is encrypted, is no MD5; the wrapper's is good for the object that it wrote.
        md5=told if said is not None and said.etag == seen.etag else seen.md5 or told,
        etag=seen.etag,
        modified=seen.modified,
    )


def job_ranges(cluster: int, procs: Iterable[int]) -> str:
    """Jobs of a cluster, briefly: `13.0-9,12`."""
    runs: list[list[int]] = []
    for proc in sorted(set(procs)):
        if runs and proc == runs[-1][1] + 1:
            runs[-1][1] = proc
        else:
            runs.append([proc, proc])
    words = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    return f"{cluster}.{','.join(words)}"
