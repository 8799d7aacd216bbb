"""What sbatch makes of a submission, and why it refuses one."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from hepsub.errors import (
    HepsubError,
    PoolUnreachable,
    SubmissionRefused,
    SubmissionUncertain,
    ToolFailed,
)
from hepsub.tools.run import Completed
from hepsub.tools.slurm import ask

_SUBMIT_S = 180.0
"""For two minutes sbatch itself tries again where Slurm has no room for more jobs (tried on 22.05 and 24.11)."""


def run_sbatch(command: Sequence[str], given: tuple[int, ...]) -> Completed:
    """What sbatch did.

    Args:
        command: sbatch and its arguments.
        given: the descriptors that it gets.

    Raises:
        ScheddNotReached: it is not here.
        SubmissionUncertain: it was not answered in time, and the job may appear yet.
        PoolUnreachable: there was no controller.
    """
    try:
        done = ask(command, check=False, pass_fds=given, timeout=_SUBMIT_S)
    except PoolUnreachable as error:
        # A controller that was asked and is slow may take the jobs yet; one that is not there never heard of them.
        if "timed out" not in error.message:
            raise
        raise _uncertain(error.message) from error
    except ToolFailed as error:
        raise _uncertain(error.message) from error
    if done.code < 0:  # Ctrl-C, say, which the terminal gives sbatch, too
        raise _uncertain(f"sbatch was ended by the signal {-done.code}")
    return done


def _uncertain(why: str) -> SubmissionUncertain:
    return SubmissionUncertain(
        f"Slurm did not say whether it took the jobs: {why}",
        remedy="squeue --me shows whether they are there; then hep_sub lets them start",
    )


def refusal(number: int, words: str) -> SubmissionRefused:
    """Why a submission was refused.

    Args:
        number: how many jobs it had.
        words: what sbatch said.
    """
    if "Invalid job array specification" in words:
        most = _setting("MaxArraySize")
        return SubmissionRefused(
            f"{number} jobs are more than Slurm takes in one array (MaxArraySize is {most or 'not known'})",
            remedy=f"submit at most {most} at once" if most else "submit fewer at once",
        )
    if "temporarily unable to accept job" in words:
        most = _setting("MaxJobCount")
        return SubmissionRefused(
            f"Slurm has no room for {number} more jobs (MaxJobCount is {most or 'not known'})",
            remedy="submit fewer at once, or again when others have ended",
        )
    return SubmissionRefused(
        f"Slurm refused the submission: {words}",
        remedy="hep_clus shows what there is; ask for less, or correct the group",
    )


def _setting(name: str) -> str:
    with contextlib.suppress(HepsubError):  # the refusal counts, whatever can be said of it
        for line in ask(["scontrol", "show", "config"]).stdout.splitlines():
            key, equals, value = line.partition("=")
            if equals and key.strip() == name:
                return value.strip()
    return ""
