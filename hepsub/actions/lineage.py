"""Which runs a job has had: what hep_sub -resubmit made of it counts instead of what it was first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hepsub.jobid import Again, SubmissionRef, procs_brief
from hepsub.journal import Entry


class Run(Struct, frozen=True, kw_only=True):
    """A job as one submission has it.

    Attributes:
        ref: the submission.
        proc: its ProcId there.
        when: when that was submitted, in seconds since the epoch; 0 for not known.
    """

    ref: SubmissionRef
    proc: int
    when: float = 0

    @property
    def job(self) -> str:
        """`cluster.proc`, as its schedd knows it."""
        return f"{self.ref.cluster}.{self.proc}"


class Lineage(Struct, frozen=True, kw_only=True):
    """Jobs, from their first submission on.

    Attributes:
        first: that submission, and the ProcIds there of the jobs that are meant.
        runs: the latest run of each, by these ProcIds.
        uncertain: later submissions of some of them of which nobody knows yet whether they exist.
    """

    first: Again
    runs: Mapping[int, Run]
    uncertain: tuple[Entry, ...] = ()

    def named(self, proc: int) -> str:
        """`cluster.proc` of a job in its first submission."""
        return f"{self.first.cluster}.{proc}"


def lineage_of(entries: Iterable[Entry], ref: SubmissionRef, procs: Sequence[int]) -> Lineage:
    """The runs of some jobs of a submission, by what the journal has, the oldest first."""
    noted = list(entries)
    own = next((each for each in noted if each.ref.uuid == ref.uuid), None)
    again = own.again if own is not None else None
    if again is None:
        first = Again(uuid=ref.uuid, cluster=ref.cluster, procs=tuple(procs))
    else:
        first = replace(again, procs=tuple(again.procs[proc] for proc in procs))
    wanted = frozenset(first.procs)
    when = own.when if own is not None else 0
    runs = {
        earlier: Run(ref=ref, proc=proc, when=when)
        for earlier, proc in zip(first.procs, procs, strict=True)
    }
    uncertain: list[Entry] = []
    for each in noted:
        # Where nothing is noted of a submission it has no UUID, and would be kin of all others that have none.
        if each.again is None or not ref.uuid or each.again.uuid != first.uuid:
            continue
        # An intent: its schedd may have heard it or not, and whoever wrote it may still be about to say.
        if each.ref.cluster == 0 and not wanted.isdisjoint(each.again.procs):
            uncertain.append(each)
        if each.ref.cluster > 0:
            runs |= {
                earlier: Run(ref=each.ref, proc=proc, when=each.when)
                for proc, earlier in enumerate(each.again.procs)
                if earlier in wanted
            }
    return Lineage(first=first, runs=runs, uncertain=tuple(uncertain))


class Later(Struct, frozen=True, kw_only=True):
    """What later submissions run again of one.

    Attributes:
        refs: these submissions.
        procs: the ProcIds in the one.
    """

    refs: tuple[SubmissionRef, ...] = ()
    procs: frozenset[int] = frozenset()


def later_runs(entries: Iterable[Entry]) -> dict[str, Later]:
    """What later submissions run again, by the UUID of the one that had it before; the oldest entry is the first."""
    refs: defaultdict[str, dict[SubmissionRef, None]] = defaultdict(dict)
    procs: defaultdict[str, set[int]] = defaultdict(set)
    latest: dict[tuple[str, int], tuple[str, int]] = {}
    for each in entries:
        if each.again is None or each.ref.cluster <= 0:
            continue
        refs[each.again.uuid][each.ref] = None
        # The journal names the first submission alone; which one had a job in between is what came before here.
        for proc, earlier in enumerate(each.again.procs):
            first = each.again.uuid, earlier
            uuid, before = latest.get(first, first)
            refs[uuid][each.ref] = None
            procs[uuid].add(before)
            latest[first] = each.ref.uuid, proc
    return {
        uuid: Later(refs=tuple(found), procs=frozenset(procs[uuid])) for uuid, found in refs.items()
    }


def link_notes(entries: Iterable[Entry], uuids: Iterable[str]) -> Iterator[str]:
    """What to say of submissions whose jobs were run again, or that run earlier ones again."""
    wanted = frozenset(uuids) - {""}
    for each in entries:
        if each.again is None or each.ref.cluster <= 0:
            continue
        if wanted & {each.again.uuid, each.ref.uuid}:
            earlier = f"{each.again.cluster}.{procs_brief(each.again.procs)}"
            yield f"cluster {each.ref.cluster} is {earlier} run again"


def by_submission(runs: Iterable[Run]) -> dict[SubmissionRef, list[Run]]:
    """Runs by their submissions."""
    found: dict[SubmissionRef, list[Run]] = {}
    for run in runs:
        found.setdefault(run.ref, []).append(run)
    return found
