"""Scripts with `#SBATCH` lines: which pool they go to, and what they ask for there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hepsub.errors import UsageError
from hepsub.job import JobSpec, Remote
from hepsub.plan.draft import Reading, check_words
from hepsub.plan.location import absolute
from hepsub.plan.template import parse_template
from hepsub.policy.model import SLURM_POOL, Policy
from hepsub.session import Session
from hepsub.survey.survey import head_of, is_directory, read

if TYPE_CHECKING:
    from hepsub.actions.submit.submit import StoresOf
    from hepsub.slurm.directives import Directive

_HEAD_BYTES = 2**18
"""So much of a script is read: the lines stand in front of its first command."""


def with_sbatch_lines(
    session: Session, stores: StoresOf, spec: JobSpec
) -> tuple[JobSpec, Reading | None, tuple[str, ...]]:
    """What is asked for with the script's lines where they count, in a policy that has pools of Slurm's.

    Returns:
        What is asked for; the list, where it says how many scripts there are: it may be stdin, which nobody can read
        again; and what to say of lines that do not count.

    Raises:
        UsageError: sbatch could not read a line, or scripts of one submission say different things.
        NotOnSlurm: hepsub cannot honour a line.
        HepsubError: the list cannot be read.
    """
    policy = session.policy
    known = None
    if spec.list_file is not None and parse_template(spec.script).names():
        known = read(spec, policy, session.situation, lambda name: stores().store(name))
    found = _lines(_scripts(session, spec, known)[0], spec.script)
    if not found:
        return spec, known, ()
    pool, decided = _pool(spec, policy)
    if not policy.pool[pool].is_slurm:
        return spec, known, _comments_note(spec, pool)
    from hepsub.slurm.asked import asked

    meant = asked(spec, found, policy.pool[pool], session.situation, name=pool, decided=decided)
    # The lines may say how many jobs there are (--array), and so which scripts.
    _check_alike(found, _scripts(session, meant, known), spec.script)
    _check_directory(meant)
    return meant, known, ()


def _pool(spec: JobSpec, policy: Policy) -> tuple[str, bool]:
    """The pool that the jobs go to, and whether the lines decide that: not where their user names a place."""
    said = spec.placement
    named = (said.pool, said.schedd, said.site, said.worker_group)
    lines = policy.defaults.sbatch_lines
    if lines and not any(named) and said.remote is not Remote.WANTED:
        return policy.pool_named(lines), True
    return policy.pool_for(said.pool), False


def _comments_note(spec: JobSpec, pool: str) -> tuple[str, ...]:
    """What to say of lines that are comments; who names a pool knows that."""
    if spec.placement.pool is not None:
        return ()
    return (
        f"{spec.script} has #SBATCH lines, which are comments in the pool {pool}: -{SLURM_POOL} submits to Slurm",
    )


def _scripts(session: Session, spec: JobSpec, known: Reading | None) -> list[str]:
    """The scripts of all jobs, absolute."""
    template = parse_template(absolute(spec.script, session.situation.cwd))
    reading = known or Reading()
    number = check_words(spec, session.policy, reading) if template.names() else 1
    return list(dict.fromkeys(template.fill_all(reading.values(number, spec.first))))


def _lines(path: str, script: str) -> tuple[Directive, ...]:
    text = head_of(path, _HEAD_BYTES)
    if b"#SBATCH" not in text:
        return ()
    from hepsub.slurm.directives import read_directives

    return read_directives(text.decode("utf-8", "replace"), script)


def _check_alike(found: Iterable[Directive], scripts: Iterable[str], first: str) -> None:
    """Refuse scripts that say different things: the jobs of one array ask for the same.

    Raises:
        UsageError: they do.
    """
    wanted = [each.word for each in found]
    for path in scripts:
        if [each.word for each in _lines(path, path)] != wanted:
            raise UsageError(
                f"{path} has other #SBATCH lines than the first {first}; jobs of one submission ask for the same",
                remedy="submit these scripts one by one",
            )


def _check_directory(spec: JobSpec) -> None:
    """Refuse a directory that is not there: Slurm would start the jobs in /tmp.

    Raises:
        UsageError: it is not.
    """
    directory = spec.slurm.words.get("chdir") if spec.slurm is not None else None
    if directory and not is_directory(directory):
        raise UsageError(
            f"{spec.script}: --chdir: {directory} is no directory",
            remedy="make it, or correct the line",
        )
