"""Which job is meant, where its log may lie, and where the job stands as far as that is concerned."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from hepsub.actions.submissions import SelectedJobs, find_submissions, followed, is_spooled
from hepsub.actions.tail.files import LogFile
from hepsub.batch import RUNNING, Selection, State
from hepsub.batch_logs import LogPlaces, Stream
from hepsub.errors import NotDone, UsageError
from hepsub.jobid import JobId, SubmissionRef
from hepsub.plan.bundle_paths import STDERR, STDOUT, corner_of
from hepsub.session import Session
from hepsub.terminal import few

_NAMED = 5
NOWHERE = "/dev/null"


class Target(Struct, frozen=True, kw_only=True):
    """The log of one job.

    Attributes:
        jobs: the submission that it belongs to.
        meant: what means the job on a command line.
        collected: whether its schedd keeps what it leaves behind until it is fetched.
        asked: the job that was named, where it was run again and this is its latest run; else empty.
    """

    jobs: SelectedJobs
    proc: int
    meant: str
    stream: Stream
    collected: bool
    asked: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What to say of which run this is."""
        return (f"{self.asked} was run again: this is of {self.meant}",) if self.asked else ()

    @property
    def ref(self) -> SubmissionRef:
        """The submission that it belongs to."""
        return self.jobs.ref

    @property
    def job(self) -> JobId:
        """The job, as its schedd is asked for it."""
        return JobId(cluster=self.ref.cluster, first=self.proc, last=self.proc)

    def there(self, places: LogPlaces) -> Stream:
        """Which log it is where the job runs: one for both is called stdout."""
        return Stream.STDOUT if places.stdout == places.stderr else self.stream

    def file(self, places: LogPlaces | None) -> LogFile | None:
        """The log at home, of which there may be several names; None where none of them is there."""
        return next((each for each in self._files(places) if each.size() is not None), None)

    def path(self, places: LogPlaces | None) -> str:
        """Where the log is, or will be, as people find it; empty for not known."""
        named = self._named()
        # A schedd that sees nothing of this host names files of its own, which are not here.
        if named or places is None or self.collected:
            return named
        return places.stdout if self.stream is Stream.STDOUT else places.stderr

    def _named(self) -> str:
        """What the submission said of it; empty for not known."""
        bundle = self.jobs.bundle
        if bundle is None:
            return ""
        stdout, stderr = bundle.request.log_names(self.proc, self.ref.cluster)
        return stdout if self.stream is Stream.STDOUT else stderr

    def _files(self, places: LogPlaces | None) -> Iterator[LogFile]:
        """Its names at home: in the job's corner, where HTCondor writes it, and where the user finds it."""
        bundle, path = self.jobs.bundle, self.path(places)
        # The corner first: what lies under the user's own name may be an earlier log, until this one is put there.
        if bundle is not None and bundle.request.staging.confined:
            stdout, stderr = bundle.request.log_names(self.proc)
            own = STDERR if self.stream is Stream.STDERR and stdout != stderr else STDOUT
            name = f"{corner_of(self.proc)}/{own}"
            shown = path or str(bundle.directory / name)
            yield LogFile(path=Path(shown), bundle=bundle, name=name)
        if path and path != NOWHERE:
            yield LogFile(path=Path(path))


def find_target(session: Session, job: JobId, stream: Stream, pool: str | None) -> Target:
    """The job that an id means, its latest run; of a cluster the only one, or the only one that runs.

    Raises:
        UsageError: the id means several jobs.
        AmbiguousJob: it belongs to two schedds.
        UnknownJob: nobody knows it.
    """
    (named,) = find_submissions(session, (job,), pool)
    # Of a whole cluster some jobs may run again in another one, and others not: then it is asked which is meant.
    runs = followed(session, (named,)) if len(named.procs) == 1 else (named,)
    jobs = runs[0]
    proc = jobs.procs[0] if len(jobs.procs) == 1 else _only(session, job, jobs)
    again = jobs.ref.uuid != named.ref.uuid
    return Target(
        asked=f"{named.meant}.{named.procs[0]}" if again else "",
        jobs=jobs,
        proc=proc,
        meant=f"{jobs.meant}.{proc}",
        stream=stream,
        collected=is_spooled(session, jobs.ref.pool),
    )


def _only(session: Session, job: JobId, jobs: SelectedJobs) -> int:
    """The one job that runs of those that an id means.

    Raises:
        UsageError: none does, or more than one.
    """
    ref = jobs.ref
    queue = session.schedd(ref.pool, ref.schedd).queue(Selection(ids=(job,)), session.situation.now)
    # Of a cluster that the journal does not know its number is 0; one job in the queue may be all that it had.
    if ref.number <= 1 and len(queue.jobs) == 1:
        return queue.jobs[0].proc
    running = [each.proc for each in queue.jobs if each.state is State.RUNNING]
    if len(running) == 1:
        return running[0]
    number = len(jobs.procs) or len(queue.jobs)
    said = f"{job} means {number} jobs, of which {len(running)} run"
    shown = running or list(jobs.procs) or [each.proc for each in queue.jobs]
    named = few([f"{jobs.meant}.{proc}" for proc in shown], _NAMED)
    raise UsageError(said, remedy=f"say which one: {named}")


class Standing(enum.Enum):
    """Where the log of a job is read."""

    THERE = "where the job runs"
    HOME = "at home, while it runs"
    ELEMENT = "behind a computing element"
    WAITING = "nowhere: it waits to run"
    HELD = "on hold"
    LEFT = "with its schedd, until it is fetched"
    ENDED = "at home, when it came there"


def standing(target: Target, places: LogPlaces) -> Standing:
    """Where the log of a job is read."""
    state = places.status.state
    if state in (State.COMPLETED, State.REMOVED):
        return Standing.LEFT if target.collected and places.queued else Standing.ENDED
    if state in RUNNING:
        if places.element:
            return Standing.ELEMENT
        return Standing.HOME if places.while_running else Standing.THERE
    return Standing.HELD if state is State.HELD else Standing.WAITING


def why_nothing(target: Target, places: LogPlaces) -> NotDone:
    """What to say of a job of whose log nothing can be shown now."""
    meant, log, path = target.meant, target.stream.value, target.path(places)
    if path == NOWHERE:
        option = "-o" if log == "stdout" else "-e"
        return NotDone(f"the {log} of {meant} goes to {NOWHERE}", remedy=f"{option} names a file")
    sentence, remedy = _sentence(target, places)
    return NotDone(f"{meant} {sentence}", remedy=remedy)


def _sentence(target: Target, places: LogPlaces) -> tuple[str, str]:
    """What follows the job's name, and what to do."""
    meant, log, path = target.meant, target.stream.value, target.path(places)
    why = f"hep_q -i {meant} -why tells"
    stands = standing(target, places)
    match stands:
        case Standing.WAITING:
            again = f"is idle again, and of the {log} of its last run nothing came home"
            never = f"is idle: it has not written any {log} yet"
            return again if places.run else never, f"{why} why it waits; -f waits until it runs"
        case Standing.HELD:
            none = f"and of its {log} nothing came home: HTCondor brings nothing of a job that it puts on hold"
            if places.while_running:
                none = f"and {path} is not there"
            return f"is on hold ({places.status.hold_reason}), {none}", f"{why} what to do"
        case Standing.ELEMENT:
            return (
                f"is with a computing element, behind which nobody can look: its {log} comes home when it has ended",
                f"hep_tail -f {meant} waits for that",
            )
        case Standing.LEFT:
            into = f", into {path}" if path else ""
            return (
                f"has ended, and its {log} is still with the schedd {places.status.schedd}",
                f"hep_fetch {target.jobs.meant} brings it{into}",
            )
    lies = f"{path} is not there" if path else "it is not known where its log is"
    if places.on_node:
        host = places.status.host or "its node"
        lies = f"its {log} is on {host}, of which this host sees nothing: in {path}, if that directory is there"
    if stands is Standing.ENDED:
        return f"has ended, and {lies}", f"hep_history {meant} tells how it ended"
    return f"runs, and {lies}", f"{why} more"
