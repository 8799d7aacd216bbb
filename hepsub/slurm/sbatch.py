"""Plan → the words of sbatch(1), and what else a job of Slurm's is given. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING

from hepsub.errors import NotOnSlurm
from hepsub.plan.model import Plan
from hepsub.policy.model import Pool
from hepsub.slurm.notes import COMMENT_MARK
from hepsub.slurm.script import log_patterns
from hepsub.slurm.slips import Slip
from hepsub.terminal import printable

if TYPE_CHECKING:
    from hepsub.batch_edit import Edit

_NOWHERE = "/dev/null"


def sbatch_words(plan: Plan, uuid: str, pool: Pool) -> tuple[str, ...]:
    """What sbatch is told; jobs begin on hold, and are released when their id is in the journal.

    Raises:
        NotOnSlurm: the plan needs what is not there.
    """
    check_possible(plan)
    own = (word for word in _words(plan, uuid, pool) if _name(word) not in plan.slurm)
    return (*own, *_said(plan.slurm))


def _name(word: str) -> str:
    return word.removeprefix("--").partition("=")[0]


def _said(options: Mapping[str, str | None]) -> Iterator[str]:
    """The words of options that Slurm is told."""
    for name, value in options.items():
        if value is not None:
            yield f"--{name}={value}" if value else f"--{name}"


def _words(plan: Plan, uuid: str, pool: Pool) -> Iterator[str]:
    # Held jobs are put back into the queue for that, whatever the site has as its default (JobRequeue).
    yield from ("sbatch", "--parsable", "--hold", "--requeue")
    # An array even of one job: its ids are CLUSTER.PROC like all others.
    most = f"%{plan.factory_most}" if plan.factory_most else ""
    yield f"--array=0-{plan.number - 1}{most}"
    yield f"--job-name={printable(plan.name or PurePath(plan.script).name)}"
    # By the comment an interrupted submission is found; the name is the user's.
    yield f"--comment={COMMENT_MARK}{uuid}{f':{plan.once}' if plan.once else ''}"
    in_script = plan.route.delivery.in_script
    yield f"--chdir={pool.scratch if in_script else plan.directory}"
    # Names that Slurm cannot fill in, or that are the nodes' own: then the script opens the logs (script.py).
    logs = log_patterns(plan)
    out, err = logs if all(logs) and not in_script else (_NOWHERE, _NOWHERE)
    # Truncated, as a job that runs again has it at HTCondor, whatever the site's default is (JobFileAppend).
    yield from ("--input=none", f"--output={out}", f"--error={err}", "--open-mode=truncate")
    yield from ("--nodes=1", "--ntasks=1", f"--cpus-per-task={plan.cpus}")
    yield f"--mem={plan.memory_mb}M"
    yield f"--time={_time(plan.walltime.limit)}"
    if plan.gpus:
        yield f"--gpus={plan.gpus}"
    if plan.disk_mb:
        yield f"--tmp={plan.disk_mb}M"
    if plan.priority:
        yield f"--nice={-plan.priority}"
    if partition := pool.partition_for(plan.walltime.name):
        yield f"--partition={partition}"
    if pool.account:
        yield f"--account={pool.account.replace('{group}', plan.group)}"


def _time(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02d}"


def edit_words(wanted: Edit) -> tuple[str, ...]:
    """What `scontrol update` is told of a job that waits.

    Raises:
        NotOnSlurm: users may not change it so.
    """
    if wanted.priority is not None:
        _check_priority(wanted.priority)
    words = {
        "minmemorynode": wanted.memory_mb,
        "numcpus": wanted.cpus,
        "cpuspertask": wanted.cpus,
        "mintmpdisknode": wanted.disk_mb,
        "nice": None if wanted.priority is None else -wanted.priority,
        "timelimit": None if wanted.walltime is None else _time(wanted.walltime("")[1]),
    }
    return tuple(f"{name}={value}" for name, value in words.items() if value is not None)


def variables(plan: Plan) -> Mapping[str, str]:
    """What the jobs find in their environment, besides what Slurm puts there.

    What a job in which hepsub runs has of its own there would tell their srun how to start.
    """
    environment = {
        name: value
        for name, value in plan.environment.items()
        if name == "SLURM_CONF" or not name.startswith(("SLURM_", "SBATCH_"))
    }
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", **environment}


def _kept_name(filled: str) -> str:
    """The name of a log in a slip, where the cluster's id is filled in, and nothing that its user wrote."""
    parts = filled.split("%{ClusterId}")
    return "%A".join(part.replace("%", "%%") for part in parts)


def slip_of(plan: Plan, uuid: str, pool: str, now: float) -> Slip:
    """What is kept of a submission."""
    alike = log_patterns(plan)
    logs: tuple[tuple[str, str], ...] = (alike,)
    if not all(alike):
        logs = tuple(
            (_kept_name(plan.stdout.fill(v)), _kept_name(plan.stderr.fill(v))) for v in plan.jobs()
        )
    return Slip(
        uuid=uuid,
        pool=pool,
        number=plan.number,
        submitted=now,
        owner=plan.user,
        once=plan.once,
        name=plan.name,
        command=PurePath(plan.script).name,
        memory_mb=0 if plan.leaves("mem") else plan.memory_mb,
        cpus=plan.cpus,
        walltime_s=0 if plan.leaves("time") else plan.walltime.limit,
        logs=logs,
    )


def check_possible(plan: Plan) -> None:
    """Refuse what would run otherwise than the user means.

    Raises:
        NotOnSlurm: the plan needs it.
    """
    _check_priority(plan.priority)
    asks = [
        (bool(plan.route.requirements), "-require", "an expression about its machines"),
        (
            bool(plan.commands or plan.route.rank or plan.route.attributes),
            "-append, -attr and -rank",
            "words for its schedd",
        ),
        (plan.retries is not None, "-retry", "its way to start a job again that failed"),
        (bool(plan.event_log), "-l", "its event log"),
    ]
    for asked, options, what in asks:
        if asked:
            raise NotOnSlurm(
                f"{options}: that is HTCondor's alone, {what}",
                remedy=f"leave out {options}, or submit to another pool with -p",
            )


def _check_priority(priority: int) -> None:
    if priority > 0:
        raise NotOnSlurm(
            f"-prio {priority}: Slurm lets users only lower the priority of their jobs (sbatch(1), --nice)",
            remedy="give the jobs that may wait a priority below 0",
        )
