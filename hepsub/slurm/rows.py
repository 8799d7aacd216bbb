"""What squeue prints of jobs and sinfo of nodes, and what it means in hepsub's words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from hepsub.batch import State
from hepsub.batch_offers import Offer
from hepsub.slurm.quantities import ENDED, exit_of, mark, megabytes, moment, number, seconds
from hepsub.slurm.tasks import Tasks, read_tasks

SEPARATOR: Final = "\x1f"
_FIELDS: Final = (
    "ArrayJobID", "ArrayTaskID", "JobID", "State", "Reason", "exit_code", "UserName", "SubmitTime", "StartTime",
    "EndTime", "TimeUsed", "TimeLimit", "MinMemory", "NumCPUs", "Nice", "NodeList", "Partition", "Comment", "Name",
)  # fmt: skip
"""Of squeue(1), -O; those that users write come last."""

ON_HOLD: Final = frozenset({"JobHeldUser", "JobHeldAdmin"})
REQUEUED: Final = "job requeued in held state"
"""Of a job that ran when it was put on hold, in all states until it is released."""
_HELD: Final = frozenset({"REQUEUE_HOLD", "REQUEUED_HOLD", "SPECIAL_EXIT"})
_RUNNING: Final = frozenset({"RUNNING", "CONFIGURING", "COMPLETING", "SIGNALING", "STAGE_OUT"})


class Row(Struct, frozen=True, kw_only=True):
    """A job as Slurm shows it, or those tasks of an array that wait and that it shows as one.

    Attributes:
        cluster: the array's job id, or the job's own.
        tasks: the indexes in the array; 0 for a job that is no array.
        is_array: whether they are tasks of one.
        slurm_state: Slurm's own word.
        reason: why it waits, in Slurm's word.
        exit_code: of the program; None while it has none, or when a signal ended it.
        submitted: in seconds since the epoch, as are `started` and `ended`; 0 for not yet.
        run_seconds: of this run.
        limit_s: seconds that it may run; 0 for any time.
        uuid: of hepsub's submission; empty for a job of somebody else's program.
        once: its key; empty for none.
        cancelled_by: the number of the user who cancelled it; empty for not known.
        cpu_seconds: of all its processes; 0 for not known, as squeue never tells it.
        peak_mb: the most memory that was seen in use, in MB (2**20 bytes); likewise.
    """

    cluster: int
    tasks: Tasks
    is_array: bool
    slurm_state: str
    reason: str
    exit_code: int | None
    exit_signal: int | None
    owner: str
    submitted: float
    started: float
    ended: float
    run_seconds: float
    limit_s: int
    memory_mb: int
    cpus: int
    nice: int
    nodes: str
    partition: str
    uuid: str
    once: str
    name: str
    cancelled_by: str = ""
    cpu_seconds: float = 0
    peak_mb: float = 0

    @property
    def proc(self) -> int:
        """The index of the first of them."""
        return self.tasks[0].start

    @property
    def is_rest(self) -> bool:
        """Whether they are those of an array that never ran: Slurm says that they were cancelled, not which."""
        # All of hepsub's own jobs are tasks of arrays: what has its mark and is none is what was left of one.
        return not self.is_array and bool(self.uuid) and self.slurm_state == "CANCELLED"

    def of(self, proc: int) -> Row:
        """The row of one of them."""
        return replace(self, tasks=(range(proc, proc + 1),), is_array=True)

    @property
    def is_mixed(self) -> bool:
        """Whether squeue shows tasks as one of which some are on hold, and others wait (without --array)."""
        reasons = self.reason.split(",")
        return len(reasons) > 1 and not ON_HOLD.isdisjoint(reasons)

    @property
    def has_ended(self) -> bool:
        """Whether it is only remembered."""
        return self.slurm_state in ENDED

    @property
    def state(self) -> State:
        """In HepJob's letters."""
        word = self.slurm_state
        # Before any reason: Slurm leaves that of a job on hold as it was when the job is cancelled (22.05 and 24.11).
        if word in ENDED:
            return State.REMOVED if word == "CANCELLED" else State.COMPLETED
        if word in _HELD or self.reason == REQUEUED:
            return State.HELD
        # Only here: what the reason of a running job says is about its next run.
        if word == "PENDING" and self.reason in ON_HOLD:
            return State.HELD
        if word in _RUNNING:
            return State.RUNNING
        return State.SUSPENDED if word in ("SUSPENDED", "STOPPED") else State.IDLE


def squeue_format(token: str) -> str:
    """What squeue is to print of each job (-O).

    Args:
        token: a word that nobody can know who names a job: it stands at the end of each.
    """
    return ",".join(f"{each}:{SEPARATOR}" for each in _FIELDS) + token


def read_rows(printed: str, token: str) -> Iterator[Row]:
    """The jobs of what squeue printed; what is no job is passed over, for a name or a comment may hold anything.

    Args:
        printed: its stdout.
        token: the word of `squeue_format`.
    """
    for line in printed.split(f"{SEPARATOR}{token}"):
        fields = line.strip("\n").split(SEPARATOR, len(_FIELDS) - 1)
        if len(fields) == len(_FIELDS):
            row = _row(dict(zip(_FIELDS, fields, strict=True)))
            if row is not None:
                yield row


def _row(said: dict[str, str]) -> Row | None:
    if not said["ArrayJobID"].isdecimal() or not said["JobID"].isdecimal():
        return None
    task = said["ArrayTaskID"]
    is_array = task != "N/A"
    tasks = read_tasks(task) if is_array else (range(1),)
    if not tasks:
        return None
    code, signal = exit_of(said["exit_code"], said["State"])
    uuid, once = mark(said["Comment"])
    cluster = int(said["ArrayJobID"])
    return Row(
        cluster=cluster,
        tasks=tasks,
        is_array=is_array,
        slurm_state=said["State"],
        reason=said["Reason"],
        exit_code=code,
        exit_signal=signal,
        owner=said["UserName"],
        submitted=moment(said["SubmitTime"]),
        started=moment(said["StartTime"]),
        ended=moment(said["EndTime"]) if said["State"] in ENDED else 0,
        run_seconds=seconds(said["TimeUsed"]),
        limit_s=int(seconds(said["TimeLimit"])),
        memory_mb=round(megabytes(said["MinMemory"])),
        cpus=number(said["NumCPUs"]) or 1,
        nice=int(said["Nice"]) if re.fullmatch(r"-?\d{1,10}", said["Nice"]) else 0,
        nodes=said["NodeList"],
        partition=said["Partition"],
        uuid=uuid,
        once=once,
        name=said["Name"],
    )


NODE_FORMAT: Final = "%c|%m|%d|%G"
"""Of sinfo(1): cores, memory and disk in MB, generic resources."""
UNTOLD: Final = 1 << 30
"""Instead of the MB of disk of a node that does not tell."""
_GPUS: Final = re.compile(r"(?:^|,)gpu(?::[^:,(]+)?:(\d{1,4})")


def read_nodes(printed: str) -> frozenset[Offer]:
    """What the nodes have of which sinfo printed NODE_FORMAT, each kind once."""
    return frozenset(offer for line in printed.splitlines() if (offer := _offer(line)) is not None)


def _offer(line: str) -> Offer | None:
    fields = line.strip().split("|")
    if len(fields) != 4 or not all(each.isdecimal() and len(each) < 13 for each in fields[:3]):
        return None
    cpus, memory, disk = map(int, fields[:3])
    gpus = sum(int(each) for each in _GPUS.findall(fields[3]))
    # TmpDisk is often not told: who says nothing of it refuses nobody.
    return Offer(memory_mb=memory, cpus=cpus, disk_mb=disk or UNTOLD, gpus=gpus)
