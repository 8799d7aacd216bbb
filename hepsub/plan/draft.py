"""The draft of a submission: its jobs, and every place that has to be looked at, worked out once. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.errors import HepsubError, JobCountTooLarge, JobCountTooSmall, UsageError
from hepsub.job import Columns, FileRequest, JobSpec
from hepsub.jobid import Again
from hepsub.plan.layout import (
    Layout,
    check_item_names,
    lay_out,
    list_name,
    log_directories,
    said_directories,
    written_out,
)
from hepsub.plan.location import ObjectPlace, PlaceState
from hepsub.plan.route import may_go_away
from hepsub.plan.template import Values, job_values
from hepsub.policy.model import Policy
from hepsub.situation import Situation

if TYPE_CHECKING:
    from hepsub.plan.boss import OptionsFile
    from hepsub.plan.files import CarriedFiles
    from hepsub.plan.objects import ObjectInfo
    from hepsub.plan.remap import Paths


class Reading(Struct, frozen=True, kw_only=True):
    """What had to be looked at before the words of a submission have a meaning.

    What names stand for hangs on items, ends, columns and again, as `values_of` has them.

    Attributes:
        objects: what was learnt of objects while the list was read.
        whole: the texts behind -in that are a URL as they stand, though they have a `=`.
        places: what the paths after -o, -e and -dir are.
        type: the type of jobs that their files tell; empty for not known.
        options: BOSS's job options that are run in place of a program, by their absolute paths; else empty.
    """

    items: tuple[str, ...] = ()
    ends: tuple[int, ...] = ()
    columns: Columns | None = None
    objects: Mapping[ObjectPlace, ObjectInfo] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    places: Mapping[str, PlaceState] = field(default_factory=dict)
    type: str = ""
    options: Mapping[str, OptionsFile] = field(default_factory=dict)
    again: Again | None = None

    def values(self, number: int, first: int) -> list[Values]:
        """What the names stand for, job by job, the first of which has this Index."""
        return job_values(number, first, self.items, self.ends, self.again, self.columns)


class Draft(Struct, frozen=True, kw_only=True):
    """A submission as far as it is known without another look at the world.

    Attributes:
        spec: what the user asked for, its spelling settled.
        jobs: what the names stand for, job by job.
        layout: program and logs, as templates.
        programs: every program that a job would start, absolute.
        log_directories: the directories that each of the two logs needs where it is not there yet, by the log.
        said_directories: the directories that were named as such after -o, -e and -dir.
        carried: the inputs and outputs of each job; None for jobs that have none.
        elsewhere: the same as it is at sites where paths among them are objects, by what the paths stand for there.
        unusable: why the files cannot be used at other such sites.
        found: what the jobs find by their PATH, as it is here, and have to find wherever a rule sends them; empty for
            nothing.
    """

    spec: JobSpec
    policy: Policy
    situation: Situation
    reading: Reading
    jobs: tuple[Values, ...]
    layout: Layout
    programs: tuple[str, ...]
    log_directories: Mapping[str, frozenset[str]]
    said_directories: frozenset[str]
    carried: CarriedFiles | None
    elsewhere: Mapping[Paths, CarriedFiles] = field(default_factory=dict)
    unusable: Mapping[Paths, HepsubError] = field(default_factory=dict)
    found: str = ""

    @property
    def number(self) -> int:
        """How many jobs there are."""
        return len(self.jobs)

    @property
    def known_as(self) -> tuple[str, ...]:
        """The programs by which rules know the jobs; for BOSS its job options."""
        return tuple(self.reading.options) or self.programs

    @property
    def may_leave(self) -> bool:
        """Whether the jobs may go where this host's file system is not."""
        pool = self.policy.pool[self.policy.pool_for(self.spec.placement.pool)]
        return pool.spool or may_go_away(self.spec, self.policy, self.known_as, self.reading.type)

    @property
    def logs(self) -> tuple[str, ...]:
        """The logs that may be there already, absolute; names stay names."""
        logs = (str(self.layout.stdout), str(self.layout.stderr), self.layout.event_log)
        return tuple(log for log in logs if log)

    def needed_directories(self, places: Mapping[str, PlaceState]) -> frozenset[str]:
        """The directories that have to exist before the jobs start.

        A log that is there already (/dev/null, an old file) needs nothing of its directory.

        Args:
            places: what the logs are.
        """
        needed = (
            found
            for log, found in self.log_directories.items()
            if places.get(log, PlaceState.MISSING) is PlaceState.MISSING
        )
        return frozenset[str]().union(*needed)


def draft(spec: JobSpec, policy: Policy, situation: Situation, reading: Reading) -> Draft:
    """Work out the jobs of a submission, and what has to be known of the world to decide it.

    Raises:
        JobCountTooSmall, JobCountTooLarge: the number of jobs is out of bounds.
        UnknownStorage, UsageError: what was asked for cannot be read as anything.
    """
    number = check_words(spec, policy, reading)
    spec = settled(spec, reading.whole)
    jobs = tuple(reading.values(number, spec.first))
    layout = lay_out(spec, situation.cwd, reading.places, number)
    programs = tuple(dict.fromkeys(written_out(layout.executable, jobs)))
    carried = _carried(spec, policy, situation.cwd, jobs) if spec.is_staged else None
    elsewhere: dict[Paths, CarriedFiles] = {}
    unusable: dict[Paths, HepsubError] = {}
    # Which site takes the jobs is decided when their files are known, which are others at some sites: so all are named.
    for paths in _other_paths(spec, policy, carried, programs, reading.type):
        try:
            elsewhere[paths] = _carried(spec, policy, situation.cwd, jobs, paths)
        except HepsubError as error:
            unusable[paths] = error
    return Draft(
        spec=spec,
        policy=policy,
        situation=situation,
        reading=reading,
        jobs=jobs,
        layout=layout,
        programs=programs,
        log_directories=log_directories(layout, jobs),
        said_directories=said_directories(layout, jobs),
        carried=carried,
        elsewhere=elsewhere,
        unusable=unusable,
    )


def check_words(spec: JobSpec, policy: Policy, reading: Reading) -> int:
    """How many jobs the words mean; what they cannot mean is refused before anything else is looked at.

    Raises:
        JobCountTooSmall, JobCountTooLarge, UsageError: as `job_count`.
        UsageError: `%{item}` is used without -list, or a column that the list does not have.
    """
    number = job_count(spec, policy, reading.items, reading.ends)
    check_item_names(spec)
    if spec.list_file is not None:
        from hepsub.plan.columns import check_parts

        check_parts(spec, reading.items, reading.columns)
    return number


def _other_paths(
    spec: JobSpec,
    policy: Policy,
    carried: CarriedFiles | None,
    programs: Sequence[str],
    recognised: str,
) -> Iterator[Paths]:
    """What paths stand for at the sites where jobs may go, wherever that makes a difference to these files."""
    mapped = [site for site in policy.site.values() if site.paths]
    if carried is None or not mapped or not may_go_away(spec, policy, programs, recognised):
        return
    from hepsub.plan.remap import covered, path_map

    asked = policy.site.get(spec.placement.site or "")
    paths = list(carried.paths)
    for known in dict.fromkeys(path_map(site) for site in ([asked] if asked else mapped)):
        if any(covered(path, known) for path in paths):
            yield known


def _carried(
    spec: JobSpec, policy: Policy, cwd: Path, jobs: Sequence[Values], paths: Paths = ()
) -> CarriedFiles:
    from hepsub.plan.checks import check_storages
    from hepsub.plan.files import Naming, carried_files, file_rule

    naming = Naming(storages=policy.storage, cwd=cwd, paths=paths)
    found = carried_files(map(file_rule, spec.inputs), map(file_rule, spec.outputs), jobs, naming)
    check_storages(found.places, policy.storage)
    return found


def job_count(spec: JobSpec, policy: Policy, items: Sequence[str], ends: Sequence[int] = ()) -> int:
    """How many jobs: what -n says, else as many as share the items of the list, else one.

    Args:
        spec: what the user asked for.
        policy: what the site decided.
        items: those of the list.
        ends: where in them the items of each job end; empty for one item each.

    Raises:
        JobCountTooSmall: less than one.
        JobCountTooLarge: more than the policy allows in one cluster.
        UsageError: -n and -list contradict each other.
    """
    if spec.number is not None and spec.number < 1:
        raise JobCountTooSmall(
            f"-n {spec.number}: at least one job is needed", remedy="give -n a number from 1"
        )
    if (spec.per or spec.per_bytes) and spec.list_file is None:
        raise UsageError("-per needs a list", remedy="give one with -list FILE")
    if spec.columns is not None and spec.list_file is None:
        raise UsageError("there are columns, but no list", remedy="give one with -list FILE")
    shared = len(ends) or len(items)
    if spec.list_file is not None and spec.number not in (None, shared):
        jobs = f", {shared} jobs" if ends else ""
        raise UsageError(
            f"-n {spec.number}, but {list_name(spec)} has {len(items)} items{jobs}",
            remedy="leave out -n: the list decides",
        )
    number = shared if spec.list_file is not None else spec.number or 1
    if number > policy.limits.jobs:
        raise JobCountTooLarge(
            f"{number} jobs are more than the {policy.limits.jobs} that one cluster may have"
            f" (limits.jobs, {policy.origin('limits.jobs')})",
            remedy="split them over several submissions: -first N counts on where the last one ended",
        )
    return number


def settled(spec: JobSpec, whole: Collection[str]) -> JobSpec:
    """The spec with the inputs that are URLs as a whole, as those in `whole` are known to be, `=` included."""
    # `pt=50.root=a.root`: the words alone do not tell whether a `=` belongs to the name.
    inputs = (
        FileRequest(name="", url=each.whole) if each.whole and each.whole in whole else each
        for each in spec.inputs
    )
    return replace(spec, inputs=tuple(inputs))
