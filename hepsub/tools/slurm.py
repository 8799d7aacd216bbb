"""Slurm's own programs: sbatch, squeue, scontrol, scancel, sinfo. What they print is read elsewhere."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence

from hepsub.errors import PoolUnreachable, ScheddNotReached, ToolFailed
from hepsub.tools.run import USUALLY_MOST, Completed, installed, run

_ANSWER_S = 60.0
_PLAIN = {"LC_ALL": "C.UTF-8", "SLURM_TIME_FORMAT": "%s", "SLURM_BITSTR_LEN": "0"}
"""Times as seconds since the epoch, all tasks of an array however many they are (squeue(1)); messages in English."""
_FOREIGN = (
    "SBATCH_",
    "SQUEUE_",
    "SINFO_",
    "SCANCEL_",
    "SLURM_JOB",
    "SLURM_ARRAY",
    "SLURM_CLUSTERS",
)
"""Beginnings of variables by which a user's habits, or a job in which hepsub runs, would change what is asked."""
_AWAY = (
    "Unable to contact slurm controller",
    "Connection refused",
    "Connection timed out",
    "Socket timed out",
    "Zero Bytes were transmitted",
    "Communication connection failure",
)


def ask(
    argv: Sequence[str],
    *,
    check: bool = True,
    pass_fds: tuple[int, ...] = (),
    timeout: float = _ANSWER_S,
    most: int = USUALLY_MOST,
) -> Completed:
    """Run one of Slurm's programs to its end.

    Args:
        argv: the program and its arguments.
        check: whether its failure is an error.
        pass_fds: descriptors that it gets.
        timeout: how long it may take, in seconds.
        most: so many bytes it may print.

    Raises:
        ScheddNotReached: Slurm is not installed on this machine.
        PoolUnreachable: the controller does not answer.
        ToolFailed: it failed, or did not end in time.
    """
    try:
        done = run(
            argv,
            timeout=timeout,
            check=False,
            environment=_PLAIN,
            without=_FOREIGN,
            pass_fds=pass_fds,
            most=most,
        )
    except ToolFailed as error:
        if installed(argv[0]):
            raise
        raise ScheddNotReached(
            f"{argv[0]} is not installed here",
            remedy="submit from a login node of Slurm, or to another pool with -p",
        ) from error
    if done.code != 0 and any(each in done.stderr for each in _AWAY):
        raise PoolUnreachable(
            f"Slurm's controller does not answer: {said(done)}",
            remedy="try again later; jobs that run go on",
        )
    if check and done.code != 0:
        raise ToolFailed(f"{argv[0]} failed: {said(done)}", remedy="see its words")
    return done


def said(done: Completed) -> str:
    """What a program said of its failure, in one line."""
    lines = (done.stderr or done.stdout).splitlines()
    words = (line.partition("error: ")[2] or line for line in lines)
    return "; ".join(dict.fromkeys(each.strip() for each in words if each.strip()))[:500]


@contextlib.contextmanager
def environment_file(variables: Mapping[str, str]) -> Iterator[int]:
    """A descriptor behind which sbatch finds the variables of jobs (--export-file), which are in no argument then."""
    descriptor = os.memfd_create("hepsub-environment")
    try:
        for name, value in variables.items():
            os.write(descriptor, os.fsencode(f"{name}={value}") + b"\0")
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def script_file(text: str) -> Iterator[str]:
    """The path of a script that lives as long as the block: sbatch copies it."""
    descriptor = os.memfd_create("hepsub-script")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(os.fsencode(text))
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
