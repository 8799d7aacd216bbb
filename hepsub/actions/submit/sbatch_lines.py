"""Scripts with `#SBATCH` lines: which pool they go to, and what they ask for there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

from hepsub.errors import UsageError
from hepsub.job import JobSpec, Remote
from hepsub.plan.draft import Reading, check_words
from hepsub.plan.location import absolute
from hepsub.plan.template import Name, parse_template
from hepsub.policy.model import SLURM_POOL, Policy
from hepsub.session import Session
from hepsub.survey.survey import head_of, is_directory, read

if TYPE_CHECKING:
    from hepsub.actions.submit.submit import StoresOf
    from hepsub.slurm.directives import Directive


class Lined(Struct, frozen=True, kw_only=True):
    """What is asked for, with the lines of the script where they count.

    Attributes:
        known: the list, where the names of the scripts come from it; None for one that nobody has read.
        notes: what to say of lines that do not count.
    """

    spec: JobSpec
    known: Reading | None = None
    notes: tuple[str, ...] = ()


def with_sbatch_lines(session: Session, stores: StoresOf, spec: JobSpec) -> Lined:
    """What is asked for in a policy that has pools of Slurm's.

    Raises:
        UsageError: sbatch could not read a line, or scripts of one submission say different things.
        NotOnSlurm: hepsub cannot honour a line.
        HepsubError: the list cannot be read that the scripts' names come from.
    """
    policy = session.policy
    known = None
    if parse_template(spec.script).names() & {Name.ITEM, Name.ITEMS}:
        known = read(spec, policy, session.situation, lambda name: stores().store(name))
    scripts = _scripts(session, spec, known)
    found = _lines(scripts[0], spec.script)
    if not found:
        return Lined(spec=spec, known=known)
    pool, decided = _pool(spec, policy)
    if not policy.pool[pool].is_slurm:
        return Lined(spec=spec, known=known, notes=_comments_note(spec, pool))
    from hepsub.slurm.asked import asked

    meant = asked(spec, found, policy.pool[pool], session.situation, name=pool, decided=decided)
    _check_alike(found, _scripts(session, meant, known), spec.script)
    _check_directory(meant)
    return Lined(spec=meant, known=known)


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
    number = 1
    if template.names() and (known is not None or spec.list_file is None):
        number = check_words(spec, session.policy, reading)
    return list(dict.fromkeys(template.fill_all(reading.values(number, spec.first))))


def _lines(path: str, script: str) -> tuple[Directive, ...]:
    from hepsub.slurm.directives import MOST_BYTES, read_directives

    text = head_of(path, MOST_BYTES)
    return read_directives(text.decode("utf-8", "replace"), script) if b"#SBATCH" in text else ()


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
