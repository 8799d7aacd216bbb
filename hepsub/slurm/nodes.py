"""Slurm's name of a worker node that a user names by its full or its short name. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from hepsub.errors import SubmissionRefused
from hepsub.jobid import short_name
from hepsub.suggest import closest


def node_named(said: str, known: Iterable[str], pool: str) -> str:
    """The node that a word after -wn means.

    Args:
        said: the word.
        known: all nodes.
        pool: the pool's name, for people.

    Raises:
        SubmissionRefused: there is none, or several have this short name.
    """
    nodes = sorted(set(known))
    if said in nodes:
        return said
    found = [each for each in nodes if short_name(each).casefold() == short_name(said).casefold()]
    # Two full names that differ behind the first dot are two nodes.
    alike = [each for each in found if "." not in said or "." not in each]
    if len(alike) == 1:
        return alike[0]
    match = closest(said, nodes)
    remedy = "sinfo --Node shows all of them"
    if alike:
        remedy = f"write it in full: {', '.join(alike)}"
    elif match is not None:
        remedy = f"did you mean '{match}'? {remedy}"
    raise SubmissionRefused(f"argument -wn: no node '{said}' in the pool {pool}", remedy=remedy)
