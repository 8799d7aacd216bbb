"""Why a job of Slurm's waits or is on hold, in words. Pure."""

from __future__ import annotations

from typing import Final

from hepsub.batch import Advice, State
from hepsub.slurm.rows import REQUEUED, Row
from hepsub.units import duration_text

_WAITS: Final = {
    "None": "idle: Slurm has not looked at it yet",
    "Priority": "idle: jobs with a higher priority go first",
    "Resources": "idle: it is the next one, as soon as cores and memory are free",
    "BeginTime": "idle: it was requeued, and starts again in a moment",
    "Cleaning": "idle: what it ran before is being cleaned up",
    "Dependency": "idle: it waits for another job",
    "JobArrayTaskLimit": "idle: as many jobs of its cluster run as -maxrun allows",
    "ReqNodeNotAvail": "idle: no node that is up and free for it has what it asks for; such nodes are down, drained or"
    " reserved, or there are none",
    "NodeDown": "idle: the nodes that it asks for are down",
    "PartitionDown": "idle: its partition is down",
    "PartitionInactive": "idle: its partition starts no jobs",
    "Reservation": "idle: it waits for its reservation",
    "Licenses": "idle: no licence is free",
}
_NEVER: Final = {
    "PartitionTimeLimit": "idle, and will not start: {walltime} is more than its partition {partition} allows",
    "PartitionNodeLimit": "idle, and will not start: its partition {partition} does not have such nodes",
    "PartitionConfig": "idle, and will not start as things are: its partition {partition} has no such nodes now",
    "BadConstraints": "idle, and will not start: no node is as it asks for",
    "AccountNotAllowed": "idle, and will not start: its account may not use the partition {partition}",
    "InvalidAccount": "idle, and will not start: Slurm does not know its account",
    "InvalidQOS": "idle, and will not start: Slurm does not know its QOS",
    "DependencyNeverSatisfied": "idle, and will not start: the job that it waits for failed",
}
_INSTEAD: Final = {
    "AccountNotAllowed": "another account",
    "InvalidAccount": "another account",
    "InvalidQOS": "another QOS",
    "DependencyNeverSatisfied": "another dependency",
}
"""What helps where less of everything does not."""
_LIMITS: Final = (  # by what a reason begins with, the longer ones first
    ("QOSMax", "idle: you have as much in use as the QOS allows one user ({reason})"),
    ("QOSGrp", "idle: as much is in use as the QOS allows all its users ({reason})"),
    ("QOS", "idle: a limit of its QOS ({reason})"),
    ("Assoc", "idle: a limit of your account ({reason})"),
    ("Max", "idle: a limit of your account ({reason})"),
)


def explain(row: Row | None, meant: str) -> Advice:
    """Why a job that is listed as idle or on hold is where it is.

    Args:
        row: the job as Slurm shows it by now; None for one that it shows no more.
        meant: what the next command shall name.
    """
    if row is None or row.state not in (State.IDLE, State.HELD):
        return Advice(
            sentence="it has started, or left the queue, since the queue was read: look again"
        )
    details = (f"Slurm: {row.slurm_state}, {row.reason}; partition {row.partition}",)
    if row.state is State.HELD:
        return _held(row, meant, details)
    known = {
        "walltime": duration_text(row.limit_s),
        "partition": row.partition,
        "reason": row.reason,
    }
    word = row.reason.partition("(")[0].partition(",")[0].strip()
    if word in _NEVER:
        command = f"hep_rm {meant}, and submit it with {_INSTEAD.get(word, 'less')}"
        return Advice(sentence=_NEVER[word].format(**known), details=details, next_command=command)
    if row.reason.startswith("Nodes required for job are DOWN"):
        word = "ReqNodeNotAvail"
    text = _WAITS.get(word) or next((t for start, t in _LIMITS if word.startswith(start)), "")
    return Advice(sentence=(text or "idle: Slurm says {reason}").format(**known), details=details)


def _held(row: Row, meant: str, details: tuple[str, ...]) -> Advice:
    if row.reason == "JobHeldAdmin":
        return Advice(
            sentence="on hold: an administrator of Slurm holds it; only they can release it",
            details=details,
        )
    own = {
        "JobHeldUser": "you hold it",
        REQUEUED: "its run was ended for that, and it begins anew when it is released",
    }
    why = own.get(row.reason, f"Slurm put it back and holds it ({row.reason})")
    return Advice(sentence=f"on hold: {why}", details=details, next_command=f"hep_release {meant}")
