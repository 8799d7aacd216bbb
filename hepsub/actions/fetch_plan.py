"""Which outputs a job has, where each of them is, and why others are missing. Decisions, no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import unquote

from hepsub.actions.fetch_report import Report, Reported, plain
from hepsub.actions.fetch_result import JobFiles, Missing, Output
from hepsub.actions.home import OUTPUTS
from hepsub.batch import JobStatus, State
from hepsub.plan.place import FilePlace, ObjectPlace
from hepsub.plan.staging import Carried
from hepsub.storage.listing import Seen, is_md5

REPORT = "report.json"
_IN_THE_QUEUE = {
    State.IDLE: "the job is idle",
    State.RUNNING: "the job is running",
    State.TRANSFERRING: "the job is running",
    State.SUSPENDED: "the job is suspended",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was seen of a submission's outputs.

    Attributes:
        objects: the objects that exist, those below the prefixes of patterns included.
        urls: the unquoted URL of a place, without signature.
        troubles: storages that could not be asked, and why.
        claimed: objects that the reports of the submission's jobs name.
        shared: prefixes below which several of its jobs write what matches a pattern.
    """

    objects: Mapping[ObjectPlace, Seen]
    urls: Mapping[ObjectPlace, str] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)
    claimed: frozenset[str] = frozenset()
    shared: frozenset[ObjectPlace] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job, as far as it is known before its outputs are looked at.

    Attributes:
        proc: ProcId.
        carried: its outputs, as they were asked for.
        home: the directory of what came home.
        marker: its marker; None where no output goes to a store.
        report: what its wrapper reported last; None for nothing.
        marked: the report that its marker holds; None for nothing.
        status: the job as its schedd knows it; None for unknown.
    """

    proc: int
    carried: tuple[Carried, ...]
    home: Path
    marker: ObjectPlace | None = None
    report: Report | None = None
    marked: Report | None = None
    status: JobStatus | None = None

    @property
    def truth(self) -> Report | None:
        """The report that outputs in a store are measured by."""
        return self.marked or self.report


def plan_job(job: Job, sight: Sight) -> JobFiles:
    """What there is of a job, and what there is not."""
    outputs: dict[str, Output] = {}
    missing: list[Missing] = []
    oddities: list[str] = []
    for each in job.carried:
        found, odd = _found(job, each, sight)
        oddities += odd
        for output in found:
            outputs.setdefault(output.name, output)
        if not found:
            why = why_missing(job, each, sight)
            missing.append(Missing(proc=job.proc, name=each.name, why=why, optional=each.optional))
    required = [each for each in missing if not each.optional]
    mixed = [text for each in outputs.values() if (text := _mixed(job, each))]
    report = _report_file(job)
    if report is not None and REPORT not in outputs:
        outputs[REPORT] = report
    is_marked = job.marker in sight.objects
    return JobFiles(
        proc=job.proc,
        outputs=tuple(outputs.values()),
        missing=tuple(missing),
        oddities=(*oddities, *mixed, *_newer(job)),
        report=job.report or job.marked,
        complete=None if job.marker is None else is_marked and not required and not mixed,
        status=job.status,
    )


# ---- what exists ------------------------------------------------------------------------------


def _found(job: Job, carried: Carried, sight: Sight) -> tuple[list[Output], list[str]]:
    """Where an output, or what matches a pattern, is; what came home is newer than what is elsewhere."""
    at_home = [_home_file(job, path) for path in _at_home(job, carried)]
    if isinstance(carried.place, FilePlace):
        return at_home or _at_path(job, carried, carried.place), []
    if carried.is_pattern:
        found, odd = _matches(job, carried, carried.place, sight)
        names = {each.name for each in at_home}
        return [*at_home, *(each for each in found if each.name not in names)], odd
    if at_home:
        return at_home, []
    seen = sight.objects.get(carried.place)
    return ([_object(job, carried.name, carried.place, seen)] if seen is not None else []), []


def _at_home(job: Job, carried: Carried) -> list[Path]:
    came = job.home / OUTPUTS
    if carried.is_pattern:
        return [path for path in sorted(came.glob(carried.name)) if _is_plain(path, came)]
    path = came / carried.name
    if path.is_dir() and not path.is_symlink():
        return [each for each in sorted(path.rglob("*")) if _is_plain(each, came)]
    return [path] if _is_plain(path, came) else []


def _is_plain(path: Path, below: Path) -> bool:
    """Whether it is a regular file, and no component of its path leads out by a symbolic link."""
    return path.is_file() and path.resolve() == below.resolve() / path.relative_to(below)


def _home_file(job: Job, path: Path) -> Output:
    facts = path.stat()
    name = path.relative_to(job.home / OUTPUTS).as_posix()
    said = job.report.outputs.get(name) if job.report is not None else None
    return Output(
        proc=job.proc,
        name=name,
        source=path,
        size=facts.st_size,
        md5=said.md5 if said is not None and is_md5(said.md5) else "",
        modified=facts.st_mtime,
    )


def _at_path(job: Job, carried: Carried, place: FilePlace) -> list[Output]:
    """What is where -out says: nobody needs a copy of that."""
    directory = Path(place.path)
    name = carried.name.rpartition("/")[2]
    paths = sorted(directory.glob(name)) if carried.is_pattern else [directory]
    return [
        Output(
            proc=job.proc,
            name=path.name if carried.is_pattern else carried.name,
            source=path,
            size=path.stat().st_size,
            modified=path.stat().st_mtime,
            stays=True,
        )
        for path in paths
        if path.is_file() and _is_own(job, carried, path)
    ]


def _is_own(job: Job, carried: Carried, path: Path) -> bool:
    """Whether the job moved a file there, as far as its report tells."""
    if not carried.is_pattern or job.report is None:
        return True
    return any(unquote(each.url) == str(path) for each in job.report.outputs.values())


def _matches(
    job: Job, carried: Carried, place: ObjectPlace, sight: Sight
) -> tuple[list[Output], list[str]]:
    """The objects below a prefix that the job wrote: its report knows, else the pattern tells."""
    pattern = carried.name.rpartition("/")[2]
    below = {
        where: seen
        for where, seen in sight.objects.items()
        if (where.storage, where.bucket) == (place.storage, place.bucket)
        and where.key.startswith(place.key)
        and fnmatchcase(where.key.removeprefix(place.key), pattern)
        and where != job.marker
    }
    if job.truth is not None:
        names = job.truth.by_url()
        own = {where: names[sight.urls[where]] for where in below if sight.urls[where] in names}
        strangers = [w for w in below if w not in own and sight.urls[w] not in sight.claimed]
        odd = _strangers(strangers, carried, place) if place not in sight.shared else []
        return [_object(job, name, where, below[where]) for where, name in own.items()], odd
    free = [where for where in below if sight.urls.get(where) not in sight.claimed]
    if place in sight.shared and free:
        return [], [
            f"{len(free)} object(s) below {place} match '{pattern}', but several jobs write there and this one"
            " left no report that says which are its own"
        ]
    return [
        _object(job, where.key.removeprefix(place.key), where, below[where]) for where in free
    ], []


def _strangers(strangers: list[ObjectPlace], carried: Carried, place: ObjectPlace) -> list[str]:
    if not strangers:
        return []
    return [
        f"{len(strangers)} object(s) below {place} match '{carried.name}' and are not of the run that the report"
        f" tells of, such as {plain(strangers[0].key)}"
    ]


def _object(job: Job, name: str, place: ObjectPlace, seen: Seen) -> Output:
    said = job.truth.outputs.get(name) if job.truth is not None else None
    told = said.md5 if said is not None and is_md5(said.md5) else ""
    return Output(
        proc=job.proc,
        name=name,
        source=place,
        size=seen.size,
        md5=seen.md5 or told,
        etag=seen.etag,
        modified=seen.modified,
    )


def _report_file(job: Job) -> Output | None:
    path = job.home / REPORT
    if job.report is None or path.is_symlink() or not path.is_file():
        return None
    facts = path.stat()
    return Output(
        proc=job.proc,
        name=REPORT,
        source=path,
        size=facts.st_size,
        md5=job.report.md5,
        modified=facts.st_mtime,
    )


# ---- what is strange --------------------------------------------------------------------------


def _mixed(job: Job, output: Output) -> str:
    """What to say of an object that is not the one that the report tells of; empty for nothing."""
    said = job.truth.outputs.get(output.name) if job.truth is not None else None
    if said is None or not isinstance(output.source, ObjectPlace):
        return ""
    if not is_md5(said.md5) or not is_md5(output.etag) or said.md5 == output.etag:
        return ""
    return (
        f"{plain(output.name)} in the store is not the file that the job's report tells of (MD5 {output.etag}, not"
        f" {said.md5}): it is of another run of the job"
    )


def _newer(job: Job) -> list[str]:
    if job.marked is None or job.report is None or job.marked.md5 == job.report.md5:
        return []
    if job.report.started <= job.marked.started:
        return []
    return [
        f"the store has the outputs of the run that ended at {job.marked.ended}; a later run of the job, which ended"
        f" at {job.report.ended}, did not complete them"
    ]


# ---- what is missing --------------------------------------------------------------------------


def why_missing(job: Job, carried: Carried, sight: Sight) -> str:
    """Why an output is not there, in words."""
    place = carried.place
    if isinstance(place, ObjectPlace) and place.storage in sight.troubles:
        return sight.troubles[place.storage]
    if job.status is not None and (text := _in_the_queue(job.status)):
        return text
    if job.report is not None:
        return _reported(job.report, job.report.outputs.get(carried.name))
    if job.status is None:
        return "the job left no report, and no schedd knows how it ended"
    return f"the job {_ended(job.status)}, and left no report"


def _in_the_queue(status: JobStatus) -> str:
    if status.state is State.HELD:
        return f"the job is on hold ({plain(status.hold_reason)})"
    if status.state is State.REMOVED:
        because = f" ({plain(status.remove_reason)})" if status.remove_reason else ""
        return f"the job was removed{because}"
    return _IN_THE_QUEUE.get(status.state, "")


def _ended(status: JobStatus) -> str:
    if status.exit_signal is not None:
        return f"was ended by signal {status.exit_signal}"
    return f"ended with exit code {status.exit_code}"


def _reported(report: Report, said: Reported | None) -> str:
    """Why it is missing, by the wrapper's words."""
    because = f": {report.message}" if report.code and report.message else ""
    if said is None or said.state == "missing":
        return f"it was not made; {report.end_text()}{because}"
    if said.state == "lost":
        return f"it is lost{because}"
    where = f" as {plain(said.url)}" if said.url else ""
    if said.state == "home":
        return "it came home, and is not there any more"
    return f"it was saved{where}, and is not there any more"


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
