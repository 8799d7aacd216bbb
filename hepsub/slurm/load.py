"""How busy Slurm is, by its own programs."""

from __future__ import annotations

from collections.abc import Collection

from hepsub.errors import HepsubError
from hepsub.slurm.partitions import (
    JOB_FIELDS,
    NODE_FIELDS,
    Caller,
    SlurmLoad,
    has_accounts,
    read_load,
)
from hepsub.slurm.rows import SEPARATOR
from hepsub.tools.slurm import ask

_MOST = 2**28
"""Some ten bytes of each of the jobs of all users, of whom one may have a million."""


def load_of(user: str, groups: Collection[str]) -> SlurmLoad:
    """Ask Slurm how busy it is.

    Args:
        user: the login name of whoever asks.
        groups: their Unix groups.

    Raises:
        PoolUnreachable: it does not answer.
        ScheddNotReached: it is not installed here.
        ToolFailed: it answers with an error.
    """
    shown = ask(["scontrol", "--all", "--oneliner", "show", "partition"]).stdout
    nodes = ask(["sinfo", "--all", "--noheader", "--Node", _format(NODE_FIELDS)]).stdout
    states = "--states=PENDING,RUNNING,CONFIGURING"
    # Each task by itself: a waiting array is one row, and would count as one job.
    words = ["squeue", "--all", "--noheader", "--array", states, _format(JOB_FIELDS)]
    jobs = ask(words, most=_MOST).stdout
    accounts = _accounts(user) if has_accounts(shown) else ()  # slurmdbd is asked where it decides
    return read_load(shown, nodes, jobs, Caller(groups=groups, accounts=accounts))


def _format(fields: Collection[str]) -> str:
    return "--Format=" + ",".join(f"{each}:{SEPARATOR}" for each in fields)


def _accounts(user: str) -> tuple[str, ...] | None:
    """Slurm's accounts of a user; None where it keeps none."""
    words = ["sacctmgr", "--noheader", "--parsable2", "show", "associations", f"user={user}"]
    try:
        done = ask([*words, "format=Account"], check=False)
    except HepsubError:
        return None
    return tuple(done.stdout.split()) if done.code == 0 else None
