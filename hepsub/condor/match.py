"""Why a job is idle: its requirements, one by one, against the slots of the pool. Pure.

Evaluation is HTCondor's own (classad2); what a slot could offer when it were empty is told apart
from what it has left now.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import classad2
from msgspec import Struct

from hepsub.condor.attributes import (
    ClassAd,
    evaluated,
    expression,
    integer,
    is_short,
    text,
)
from hepsub.units import size_text

WHEN_EMPTY = {
    "Memory": "TotalSlotMemory",
    "Cpus": "TotalSlotCpus",
    "GPUs": "TotalSlotGPUs",
    "Disk": "TotalSlotDisk",
}
_LONGEST = 100_000
_MOST = 100
"""So long may requirements be, and have so many parts: whoever wrote them, each is evaluated on each slot."""
_DEEPEST = 32
"""Brackets in each other: Python calls itself for each."""
_QUOTES = "\"'"
"""Of a text, and of the name of an attribute that is no word."""
_WORDY = 4096
MOST_KB = 2**50


class Clause(Struct, frozen=True, kw_only=True):
    """One requirement.

    Attributes:
        text: the ClassAd expression.
        words: what it asks for, for people.
        offered: how many slots fulfil it when they are empty.
    """

    text: str
    words: str
    offered: int


class Matching(Struct, frozen=True, kw_only=True):
    """A job's requirements against the pool.

    Attributes:
        possible: how many fulfil all of them when they are empty.
        free: how many fulfil all of them now.
        most: the most Memory (in MB), Cpus and Disk (in kB) that any slot has when it is empty.
    """

    clauses: tuple[Clause, ...]
    slots: int
    possible: int
    free: int
    most: Mapping[str, int]


def match(job: ClassAd, slots: Iterable[ClassAd]) -> Matching | None:
    """Hold a job's requirements against static and partitionable slots; None where they are too long for that."""
    wholes = _clauses(job)
    if not wholes:
        return None
    # Twice: what a slot has left says whether it could start now, what it has in all whether it ever can.
    every = list(slots)
    emptied = [_emptied(slot) for slot in every]
    now = [(_scope(job, slot), slot) for slot in every]
    empty = [(_scope(job, slot), slot) for slot in emptied]

    def all_true(pair: tuple[ClassAd, ClassAd]) -> bool:
        return all(_true_on(whole, pair) for _, whole in wholes)

    return Matching(
        clauses=tuple(
            Clause(
                text=clause,
                words=in_words(clause, lambda name: value_text(job, name)),
                offered=sum(_true_on(whole, pair) for pair in empty),
            )
            for clause, whole in wholes
        ),
        slots=len(every),
        possible=sum(map(all_true, empty)),
        free=sum(map(all_true, now)),
        most={
            name: max((integer(slot, name, most=MOST_KB) or 0 for slot in emptied), default=0)
            for name in ("Memory", "Cpus", "Disk")
        },
    )


def emptied_where(
    written: str, attributes: Mapping[str, str], slots: Iterable[ClassAd]
) -> list[ClassAd]:
    """The slots, with all that they have, on which an expression of a job is true; none where it cannot be read.

    Args:
        written: the expression.
        attributes: what the job's ad has, as it is written there.
        slots: static and partitionable ones.
    """
    try:
        whole = classad2.ExprTree(written)
        trees = {name: classad2.ExprTree(text) for name, text in attributes.items()}
    except classad2.ClassAdException:
        return []
    job = classad2.ClassAd(trees)
    if not is_short(job, written, _LONGEST):
        return []
    found = map(_emptied, slots)
    return [slot for slot in found if _true_on(whole, (_scope(job, slot), slot))]


def _clauses(job: ClassAd) -> list[tuple[str, ClassAd]]:
    """A job's requirements one by one, as they were written and to be evaluated; none where they are too long."""
    written = expression(job, "Requirements") or "true"
    if not is_short(job, written, _LONGEST):
        return []
    parts = split_conjunction(written)
    try:
        return [(each, classad2.ExprTree(each)) for each in parts] if len(parts) <= _MOST else []
    except classad2.ClassAdException:
        return []


def _true_on(whole: ClassAd, pair: tuple[ClassAd, ClassAd]) -> bool:
    return evaluated(whole, *pair) is True


def _scope(job: ClassAd, slot: ClassAd) -> ClassAd:
    """Where a bare name is looked for: in the job, else in the slot, as HTCondor's matchmaker does."""
    return classad2.ClassAd({**_trees(slot), **_trees(job)})


def _emptied(slot: ClassAd) -> ClassAd:
    """A copy of a slot with all that it has, rather than what is left of it."""
    trees = _trees(slot)
    for left, whole in WHEN_EMPTY.items():
        if whole in trees:
            trees[left] = trees[whole]
    return classad2.ClassAd(trees)


def _trees(ad: ClassAd) -> dict[str, ClassAd]:
    """What an ad has, as it was written: not every value of the language can become one of Python's and go back."""
    return {name: ad.lookup(name) for name in ad}


def split_conjunction(written: str, depth_left: int = _DEEPEST) -> list[str]:
    """The parts of an expression that `&&` joins at its outermost level, without their brackets.

    Args:
        written: the expression.
        depth_left: how many brackets in each other are opened.
    """
    stripped = _unwrapped(written.strip(), depth_left)
    parts, depth, start = [], 0, 0
    for position, character in _unquoted(stripped):
        depth += (character in "([{") - (character in ")]}")
        if depth or position < start:
            continue
        if stripped.startswith("&&", position):
            parts.append(stripped[start:position])
            start = position + 2
        elif _is_weaker(stripped, position):
            return [stripped]
    if not parts or not depth_left:
        return [stripped]
    return [
        piece
        for part in (*parts, stripped[start:])
        for piece in split_conjunction(part, depth_left - 1)
    ]


def _is_weaker(text: str, position: int) -> bool:
    """Whether an operator that binds weaker than `&&` stands there: `||`, or the `?` of a choice."""
    if text.startswith("||", position):
        return True
    # The `?` of `=?=` is none.
    return text[position] == "?" and text[position - 1 : position] != "="


def _unwrapped(written: str, depth_left: int) -> str:
    """The expression without brackets that enclose all of it."""
    while depth_left and written.startswith("(") and _closing(written) == len(written) - 1:
        written, depth_left = written[1:-1].strip(), depth_left - 1
    return written


def _closing(written: str) -> int:
    """Where the bracket that opens the expression is closed."""
    depth = 0
    for position, character in _unquoted(written):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return position
    return -1


def _unquoted(written: str) -> Iterator[tuple[int, str]]:
    """The characters that are in no quotes, with their places."""
    quote, escaped = "", False
    for position, character in enumerate(written):
        if escaped:
            escaped = False
        elif character == "\\" and quote:
            escaped = True
        elif character in _QUOTES and quote in ("", character):
            quote = "" if quote else character
        elif not quote:
            yield position, character


_PHRASES: tuple[tuple[str, str], ...] = (
    (r"TARGET\.Memory >= RequestMemory", "{RequestMemory} MB of memory"),
    (r"TARGET\.Cpus >= RequestCpus", "{RequestCpus} cores"),
    (r".*TARGET\.Disk >= RequestDisk.*", "{RequestDisk} of disk"),
    (r".*TARGET\.GPUs >= RequestGPUs", "{RequestGPUs} GPU(s)"),
    (r'TARGET\.FileSystemDomain == "(.*)"', "this host's shared file system (\\1)"),
    (
        r"TARGET\.FileSystemDomain == MY\.FileSystemDomain",
        "this host's shared file system ({FileSystemDomain})",
    ),
    (r'TARGET\.Arch == "(.*)"', "the processor type \\1"),
    (r'TARGET\.OpSys == "(.*)"', "the system \\1"),
    (r"TARGET\.HasFileTransfer", "HTCondor's file transfer"),
    (
        r".*Has(Singularity|Container|SIF|SandboxImage|DockerURL).*",
        "a container runtime for the image",
    ),
    (r'.*TARGET\.Machine == "([^"]*)".*', "the worker node \\1"),
    (r'.*stringListMember\("([^"]*)", ?TARGET\.HepJob_WorkerGroups.*', "the worker-node group \\1"),
    (r".*MY\.HepSub_LeftOut.*", "a machine at one of its remote sites that gets jobs now"),
    (r'.*GLIDEIN_Site == "([^"]*)"\)* isnt true', "a machine that is not at the remote site \\1"),
    (r'.*GLIDEIN_Site == "([^"]*)".*', "a machine at the remote site \\1"),
)


def in_words(written: str, value_of: Callable[[str], str]) -> str:
    """What a requirement asks for, for people; the expression itself when it is none of the known."""
    if len(written) > _WORDY:
        return f"{written[:_WORDY]}…"
    for pattern, phrase in _PHRASES:
        found = re.fullmatch(pattern, written)
        if found is not None:
            words = found.expand(phrase)
            return re.sub(r"\{(\w+)\}", lambda name: value_of(name[1]), words)
    return written


def value_text(job: ClassAd, name: str) -> str:
    """A value of the job for people, `?` for none; disk is in kB there."""
    if name == "FileSystemDomain":
        return text(job, name) or "?"
    value = integer(job, name, most=MOST_KB)
    if value is None:
        return "?"
    return size_text(value * 1024) if "Disk" in name else str(value)
