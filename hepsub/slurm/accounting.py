"""What sacct prints of jobs, where Slurm has accounting (slurmdbd), and what it means. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from hepsub.slurm.quantities import ENDED, exit_of, mark, megabytes, moment, number, seconds
from hepsub.slurm.rows import Row
from hepsub.slurm.tasks import read_tasks

FIELDS: Final = (
    "JobID", "State", "ExitCode", "User", "Submit", "Start", "End", "ElapsedRaw", "TotalCPU", "MaxRSS", "ReqMem",
    "ReqCPUS", "TimelimitRaw", "NodeList", "Partition", "Comment", "JobName",
)  # fmt: skip
"""Of sacct(1), -o; those that users write come last."""
_MINUTE_S: Final = 60


def read_accounts(printed: str, delimiter: str) -> Iterator[Row]:
    """The jobs that have ended of what sacct printed; what is no job is passed over.

    What a batch step used is its job's. A name or a comment may hold anything.

    Args:
        printed: its stdout, in FIELDS, with a delimiter behind each (--parsable).
        delimiter: one that nobody can know who names a job.
    """
    latest: Row | None = None
    fields = printed.split(delimiter)
    for start in range(0, len(fields) - len(FIELDS), len(FIELDS)):
        told = dict(zip(FIELDS, fields[start : start + len(FIELDS)], strict=True))
        job, _, step = told["JobID"].lstrip("\n").partition(".")
        if not step:
            if latest is not None:
                yield latest
            latest = _row(job, told)
        elif step == "batch" and latest is not None:  # memory is only told of steps
            latest = replace(latest, peak_mb=megabytes(told["MaxRSS"]))
    if latest is not None:
        yield latest


def _row(job: str, told: dict[str, str]) -> Row | None:
    cluster, _, task = job.partition("_")
    tasks = read_tasks(task.strip("[]")) if task else (range(1),)
    state, _, by = told["State"].partition(" by ")
    if not number(cluster) or not tasks or state not in ENDED:
        return None
    code, signal = exit_of(told["ExitCode"], state)
    uuid, once = mark(told["Comment"])
    return Row(
        cluster=number(cluster),
        tasks=tasks,
        is_array=bool(task),
        slurm_state=state,
        reason="",
        exit_code=code,
        exit_signal=signal,
        owner=told["User"],
        submitted=moment(told["Submit"]),
        started=moment(told["Start"]),
        ended=moment(told["End"]),
        run_seconds=number(told["ElapsedRaw"]),
        limit_s=number(told["TimelimitRaw"]) * _MINUTE_S,
        memory_mb=round(megabytes(told["ReqMem"].rstrip("nc"))),
        cpus=number(told["ReqCPUS"]) or 1,
        nice=0,
        nodes="" if told["NodeList"] == "None assigned" else told["NodeList"],
        partition=told["Partition"],
        uuid=uuid,
        once=once,
        name=told["JobName"],
        cancelled_by=by if by.isdecimal() else "",
        cpu_seconds=seconds(told["TotalCPU"]),
    )
