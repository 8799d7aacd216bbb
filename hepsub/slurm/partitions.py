"""What Slurm says of its partitions, their nodes and who waits for them. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from hepsub.slurm.quantities import seconds
from hepsub.slurm.rows import ON_HOLD, SEPARATOR

NODE_FIELDS: Final = (
    "Partition",
    "NodeList",
    "StateLong",
    "CPUsState",
    "Memory",
    "Gres",
    "GresUsed",
)
"""Of sinfo(1), -O."""
JOB_FIELDS: Final = ("Partition", "State", "Reason")
"""Of squeue(1), -O."""
_BUSY: Final = frozenset({"allocated", "mixed", "completing"})
_FREE: Final = frozenset({"idle", "planned"})
_GPU: Final = re.compile(r"(?:^|,)gpu(?::([^:,(]+))?:(\d{1,4})")
_EVERYBODY: Final = ("ALL", "(null)", "")


class Use(Struct, frozen=True, kw_only=True):
    """How many of something there are, and what becomes of them.

    Attributes:
        free: what jobs may have now.
        busy: what jobs have.
        other: what is down, drained or reserved.
    """

    total: int = 0
    free: int = 0
    busy: int = 0
    other: int = 0


class Partition(Struct, frozen=True, kw_only=True):
    """A partition.

    Attributes:
        default: whether jobs go there that name none.
        state: UP, or Slurm's word for why no job starts there.
        max_walltime_s: seconds; null for no limit.
        default_walltime_s: of jobs that say nothing; null where that is the longest.
        node_cores: cores of its largest node.
        node_memory_mb: memory of its largest node, in MB (2**20 bytes).
        node_gpus: GPUs of the node with most of them.
        gpu_types: Slurm's words for them.
        idle_jobs: jobs of all users that wait for it.
        running_jobs: those that run there.
        usable: whether the caller may use it; null where Slurm does not tell.
        only_for: for whom it is, where it is not for everybody.
    """

    name: str
    default: bool
    state: str
    max_walltime_s: int | None
    default_walltime_s: int | None
    node_cores: int = 0
    node_memory_mb: int = 0
    node_gpus: int = 0
    gpu_types: tuple[str, ...] = ()
    nodes: Use = Use()
    cores: Use = Use()
    gpus: Use = Use()
    idle_jobs: int = 0
    running_jobs: int = 0
    usable: bool | None = True
    only_for: str = ""


class Node(Struct, frozen=True, kw_only=True):
    """A node, as it is in one partition."""

    partition: str
    name: str
    alone: Use
    cores: Use
    gpus: Use
    memory_mb: int
    gpu_types: tuple[str, ...]


class Job(Struct, frozen=True, kw_only=True):
    """A job: the partitions that it waits for, or the one that it runs in."""

    partitions: tuple[str, ...]
    waits: bool


class Caller(Struct, frozen=True, kw_only=True):
    """Who asks.

    Attributes:
        groups: the Unix groups.
        accounts: Slurm's accounts; None where it does not tell.
    """

    groups: Collection[str]
    accounts: Collection[str] | None = None


class SlurmLoad(Struct, frozen=True, kw_only=True):
    """How busy Slurm is.

    Attributes:
        cores: of all nodes.
        idle: jobs of all users that wait.
        running: those that run.
    """

    partitions: tuple[Partition, ...]
    cores: Use
    idle: int
    running: int


def has_accounts(shown: str) -> bool:
    """Whether a partition is for some accounts only, by what scontrol shows of all."""
    return any(
        each.get("AllowAccounts", "") not in _EVERYBODY or each.get("DenyAccounts")
        for each in _records(shown)
    )


def read_load(shown: str, nodes: str, jobs: str, caller: Caller) -> SlurmLoad:
    """How busy Slurm is.

    Args:
        shown: what `scontrol --oneliner show partition` printed.
        nodes: what sinfo printed of each node in each partition, NODE_FIELDS.
        jobs: what squeue printed of each job, JOB_FIELDS.
        caller: who asks.
    """
    known = list(_nodes(nodes))
    queued = list(_jobs(jobs))
    return SlurmLoad(
        partitions=tuple(
            _partition(each, known, queued, caller)
            for each in _records(shown)
            if each.get("Hidden") != "YES"
        ),
        # A node may be in several partitions, and has its cores once.
        cores=sum_of(each.cores for each in {each.name: each for each in known}.values()),
        idle=sum(each.waits for each in queued),
        running=sum(not each.waits for each in queued),
    )


def sum_of(uses: Iterable[Use]) -> Use:
    """All of them together."""
    some = tuple(uses)
    return Use(
        total=sum(each.total for each in some),
        free=sum(each.free for each in some),
        busy=sum(each.busy for each in some),
        other=sum(each.other for each in some),
    )


def _records(shown: str) -> Iterator[Mapping[str, str]]:
    """The fields of each line of scontrol's."""
    for line in shown.splitlines():
        fields = dict(word.split("=", 1) for word in line.split() if "=" in word)
        if fields.get("PartitionName"):
            yield fields


def _partition(
    fields: Mapping[str, str], nodes: Iterable[Node], jobs: Iterable[Job], caller: Caller
) -> Partition:
    name = fields["PartitionName"]
    own = [each for each in nodes if each.partition == name]
    mine = [each for each in jobs if name in each.partitions]
    usable, only_for = _usable(fields, caller)
    return Partition(
        name=name,
        default=fields.get("Default") == "YES",
        state=fields.get("State", ""),
        max_walltime_s=_limit(fields.get("MaxTime", "")),
        default_walltime_s=_limit(fields.get("DefaultTime", "")),
        node_cores=max((each.cores.total for each in own), default=0),
        node_memory_mb=max((each.memory_mb for each in own), default=0),
        node_gpus=max((each.gpus.total for each in own), default=0),
        gpu_types=tuple(sorted({word for each in own for word in each.gpu_types})),
        nodes=sum_of(each.alone for each in own),
        cores=sum_of(each.cores for each in own),
        gpus=sum_of(each.gpus for each in own),
        idle_jobs=sum(each.waits for each in mine),
        running_jobs=sum(not each.waits for each in mine),
        usable=usable,
        only_for=only_for,
    )


def _limit(text: str) -> int | None:
    return int(seconds(text)) or None


def _usable(fields: Mapping[str, str], caller: Caller) -> tuple[bool | None, str]:
    """Whether a caller may use a partition, and for whom it is where not for everybody."""
    if fields.get("RootOnly") == "YES":
        return False, "root"
    told: list[str] = []
    answers: list[bool | None] = []
    if groups := _named(fields, "AllowGroups"):
        told.append(f"group {', '.join(groups)}")
        answers.append(any(each in caller.groups for each in groups))
    accounts, denied = _named(fields, "AllowAccounts"), _named(fields, "DenyAccounts")
    if accounts:
        told.append(f"account {', '.join(accounts)}")
    elif denied:
        told.append(f"no account {', '.join(denied)}")
    if caller.accounts is None:
        answers += [None] * bool(accounts or denied)
    elif accounts or denied:
        answers.append(any(a in accounts if accounts else a not in denied for a in caller.accounts))
    # One that forbids it is enough; else one of which nobody tells leaves it open.
    usable = False if False in answers else None if None in answers else True
    return usable, "; ".join(told)


def _named(fields: Mapping[str, str], key: str) -> tuple[str, ...]:
    said = fields.get(key, "")
    return () if said in _EVERYBODY else tuple(said.split(","))


def _nodes(printed: str) -> Iterator[Node]:
    for said in _lines(printed, NODE_FIELDS):
        # Behind the word stands what else is true: `idle*` does not answer, `idle~` is switched off (sinfo(1)).
        state = re.sub(r"[^a-z_].*", "", said["StateLong"].lower())
        counts = said["CPUsState"].split("/")
        if len(counts) != 4 or not all(each.isdecimal() for each in counts):
            continue
        busy, free, other, total = map(int, counts)
        gpus = _gpus(said["Gres"])
        taken = min(sum(_gpus(said["GresUsed"]).values()), sum(gpus.values()))
        left = sum(gpus.values()) - taken
        works = state in _BUSY | _FREE
        yield Node(
            partition=said["Partition"].rstrip("*"),
            name=said["NodeList"],
            alone=Use(
                total=1, free=int(state in _FREE), busy=int(state in _BUSY), other=int(not works)
            ),
            cores=Use(total=total, free=free, busy=busy, other=other),
            gpus=Use(
                total=taken + left,
                busy=taken,
                free=left if works else 0,
                other=0 if works else left,
            ),
            memory_mb=int(said["Memory"]) if said["Memory"].isdecimal() else 0,
            gpu_types=tuple(name for name in gpus if name),
        )


def _gpus(text: str) -> Mapping[str, int]:
    """How many GPUs of each type a text of Slurm's counts."""
    found: dict[str, int] = {}
    for name, number in _GPU.findall(text):
        found[name] = found.get(name, 0) + int(number)
    return found


def _jobs(printed: str) -> Iterator[Job]:
    for said in _lines(printed, JOB_FIELDS):
        waits = said["State"] == "PENDING"
        # What is on hold waits for nobody but its user.
        if not (waits and said["Reason"] in ON_HOLD):
            yield Job(partitions=tuple(said["Partition"].split(",")), waits=waits)


def _lines(printed: str, fields: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    for line in printed.splitlines():
        values = [each.strip() for each in line.split(SEPARATOR)]
        if len(values) == len(fields) + 1:  # each has one behind it
            yield dict(zip(fields, values[:-1], strict=True))
