"""Which jobs: ids as people write them (`13`, `13.2`, `13.0-9`, `schedd07:13.2`), and where a submission is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from hepsub.errors import UsageError

# HTCondor and Slurm number with 32 bits; Python reads no number of more than 4300 digits, SQLite none above 2**63.
_NUMBER = r"[0-9]{1,10}"
_ID = (
    rf"(?:(?P<schedd>[A-Za-z0-9_.@-]+):)?(?P<cluster>{_NUMBER})"
    rf"(?:\.(?P<first>{_NUMBER})(?:-(?P<last>{_NUMBER}))?)?"
)


class JobId(Struct, frozen=True, kw_only=True, order=True):
    """A cluster, or a run of its procs, on a schedd that may be left open.

    Attributes:
        first: the first ProcId meant; None, as `last`, for the whole cluster.
        schedd: full or short name of the schedd; empty when the user did not say.
    """

    cluster: int
    first: int | None = None
    last: int | None = None
    schedd: str = ""

    def __str__(self) -> str:
        prefix = f"{self.schedd}:" if self.schedd else ""
        if self.first is None:
            return f"{prefix}{self.cluster}"
        if self.first == self.last:
            return f"{prefix}{self.cluster}.{self.first}"
        return f"{prefix}{self.cluster}.{self.first}-{self.last}"

    def holds(self, cluster: int, proc: int) -> bool:
        """Whether the proc is one of those meant (the schedd is not looked at)."""
        if cluster != self.cluster:
            return False
        return self.first is None or self.last is None or self.first <= proc <= self.last

    def width(self) -> int | None:
        """The number of procs named, None for a whole cluster."""
        return None if self.first is None or self.last is None else self.last - self.first + 1


class SubmissionRef(Struct, frozen=True, kw_only=True):
    """Which submission, and where it is.

    Attributes:
        uuid: its UUID, which names its bundle and stands in its ads; empty for not known.
        pool: the pool's name in the policy.
        schedd: full name of the schedd.
        cluster: ClusterId; 0 while it is not known.
        number: how many jobs it has; 0 for not known.
    """

    uuid: str
    pool: str
    schedd: str
    cluster: int = 0
    number: int = 0

    @property
    def ids(self) -> tuple[JobId, ...]:
        """The whole cluster, as its schedd is asked for it."""
        return (JobId(cluster=self.cluster),)


class Again(Struct, frozen=True, kw_only=True):
    """Jobs of an earlier submission that a later one runs again.

    Attributes:
        uuid: the submission that had them first.
        procs: their ProcIds in it, in the order of the later submission's own.
    """

    uuid: str
    cluster: int
    procs: tuple[int, ...]

    def named(self, proc: int) -> str:
        """`cluster.proc` by which everything knows a job of the later submission."""
        return f"{self.cluster}.{self.procs[proc]}"


_PROCS_REMEDY = "procs look like 3,17-20"
_MOST_PROCS = 1_000_000
_SHOWN_RUNS = 10


def parse_procs(text: str) -> tuple[int, ...]:
    """ProcIds as people write them: `3,17-20`; in order, each once.

    Raises:
        UsageError: the text is something else.
    """
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part)
        if match is None:
            raise UsageError(f"'{text}' names no procs", remedy=_PROCS_REMEDY)
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UsageError(f"'{part.strip()}' ends before it begins", remedy=_PROCS_REMEDY)
        if last - first >= _MOST_PROCS:
            raise UsageError(f"'{part.strip()}' names too many procs", remedy=_PROCS_REMEDY)
        found.update(range(first, last + 1))
    return tuple(sorted(found))


def procs_text(procs: Iterable[int]) -> str:
    """ProcIds as `parse_procs` reads them; empty for none."""
    return ",".join(_runs(sorted(set(procs))))


def procs_brief(procs: Iterable[int]) -> str:
    """ProcIds for people: as `procs_text`, but not the whole of a long list."""
    runs = list(_runs(sorted(set(procs))))
    more = f" and {len(runs) - _SHOWN_RUNS} more" if len(runs) > _SHOWN_RUNS else ""
    return f"{','.join(runs[:_SHOWN_RUNS])}{more}"


def _runs(procs: list[int]) -> Iterator[str]:
    start = 0
    for place, proc in enumerate(procs):
        if place + 1 == len(procs) or procs[place + 1] != proc + 1:
            yield str(proc) if place == start else f"{procs[start]}-{proc}"
            start = place + 1


def parse_job_id(text: str) -> JobId:
    """Read one job id.

    Raises:
        UsageError: the text is no job id.
    """
    match = re.fullmatch(_ID, text.strip())
    remedy = "a job id looks like 13, 13.2, 13.0-9 or schedd07:13.2; hep_q -u lists yours"
    if match is None or int(match["cluster"]) < 1:
        raise UsageError(f"'{text}' is no job id", remedy=remedy)
    first = int(match["first"]) if match["first"] is not None else None
    last = int(match["last"]) if match["last"] is not None else first
    if first is not None and last is not None and last < first:
        raise UsageError(f"'{text}' ends before it begins", remedy=remedy)
    return JobId(
        cluster=int(match["cluster"]), first=first, last=last, schedd=match["schedd"] or ""
    )


def ranges(jobs: Iterable[tuple[int, int]]) -> tuple[JobId, ...]:
    """Exactly these jobs, by ClusterId and ProcId, as few ids as possible."""
    found: list[JobId] = []
    for cluster, proc in sorted(jobs):
        last = found[-1] if found else None
        if last is not None and (last.cluster, last.last) == (cluster, proc - 1):
            found[-1] = JobId(cluster=cluster, first=last.first, last=proc)
        else:
            found.append(JobId(cluster=cluster, first=proc, last=proc))
    return tuple(found)


def short_name(schedd: str) -> str:
    """The short name of a schedd: what stands before `@`, else before the first dot."""
    return schedd.split("@", maxsplit=1)[0] if "@" in schedd else schedd.split(".", maxsplit=1)[0]


def same_schedd(asked: str, name: str) -> bool:
    """Whether a name given by a user, full or short, means this schedd."""
    return asked == name or short_name(name) == asked or name.startswith(f"{asked}.")
