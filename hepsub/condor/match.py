"""Why a job is idle: its requirements, one by one, against the slots of the pool. Pure.

Evaluation is HTCondor's own (classad2); what a slot could offer when it were empty is told apart
from what it has left now.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hepsub.units import size_text

ClassAd: TypeAlias = Any
"""A ClassAd of HTCondor's bindings, which have no types."""

_WHEN_EMPTY = {
    "Memory": "TotalSlotMemory",
    "Cpus": "TotalSlotCpus",
    "GPUs": "TotalSlotGPUs",
    "Disk": "TotalSlotDisk",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One requirement.

    Attributes:
        text: the ClassAd expression.
        words: what it asks for, for people.
        offered: how many slots fulfil it when they are empty.
    """

    text: str
    words: str
    offered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """A job's requirements against the pool.

    Attributes:
        clauses: the requirements, one by one.
        slots: how many slots there are.
        possible: how many fulfil all of them when they are empty.
        free: how many fulfil all of them now.
        most_memory: the memory in MB of the largest slot when it is empty.
    """

    clauses: tuple[Clause, ...]
    slots: int
    possible: int
    free: int
    most_memory: int


def match(job: ClassAd, slots: Iterable[ClassAd]) -> Matching:
    """Hold a job's requirements against slots.

    Args:
        job: the job's ClassAd.
        slots: ClassAds of static and partitionable slots.
    """
    import classad2

    every = list(slots)
    now = [(_scope(job, slot, classad2.ClassAd), slot) for slot in every]
    emptied = [_emptied(slot, classad2.ClassAd) for slot in every]
    empty = [(_scope(job, slot, classad2.ClassAd), slot) for slot in emptied]
    texts = split_conjunction(str(job.lookup("Requirements")))
    wholes = [(text, classad2.ExprTree(text)) for text in texts]

    def value_of(name: str) -> object:
        return job.eval(name) if name in job else "?"

    def true_on(expression: ClassAd, pair: tuple[ClassAd, ClassAd]) -> bool:
        return expression.eval(*pair) is True

    def all_true(pair: tuple[ClassAd, ClassAd]) -> bool:
        return all(true_on(expression, pair) for _, expression in wholes)

    return Matching(
        clauses=tuple(
            Clause(
                text=text,
                words=in_words(text, value_of),
                offered=_count(empty, expression, true_on),
            )
            for text, expression in wholes
        ),
        slots=len(now),
        possible=sum(1 for pair in empty if all_true(pair)),
        free=sum(1 for pair in now if all_true(pair)),
        most_memory=max((int(slot.get("Memory", 0)) for slot in emptied), default=0),
    )


def _count(
    slots: Sequence[tuple[ClassAd, ClassAd]],
    expression: ClassAd,
    true_on: Callable[[ClassAd, tuple[ClassAd, ClassAd]], bool],
) -> int:
    return sum(1 for slot in slots if true_on(expression, slot))


def _scope(job: ClassAd, slot: ClassAd, make: Callable[[ClassAd], ClassAd]) -> ClassAd:
    """Where a bare name is looked for: in the job, else in the slot, as HTCondor's matchmaker does."""
    return make({**dict(slot.items()), **dict(job.items())})


def _emptied(slot: ClassAd, make: Callable[[ClassAd], ClassAd]) -> ClassAd:
    """A copy of a slot with all that it has, rather than what is left of it."""
    copy = make(dict(slot.items()))
    for left, whole in _WHEN_EMPTY.items():
        if whole in copy:
            copy[left] = copy[whole]
    return copy


def split_conjunction(text: str) -> list[str]:
    """The parts of an expression that `&&` joins at its outermost level, without their brackets."""
    stripped = _unwrapped(text.strip())
    parts, depth, start, quoted, position = [], 0, 0, False, 0
    while position < len(stripped):
        character = stripped[position]
        if character == "\\" and quoted:
            position += 1
        elif character == '"':
            quoted = not quoted
        elif not quoted:
            depth += (character in "([{") - (character in ")]}")
            if depth == 0 and stripped.startswith("&&", position):
                parts.append(stripped[start:position])
                position += 1
                start = position + 1
            elif depth == 0 and _is_weaker(stripped, position):
                return [stripped]
        position += 1
    if not parts:
        return [stripped]
    return [piece for part in (*parts, stripped[start:]) for piece in split_conjunction(part)]


def _is_weaker(text: str, position: int) -> bool:
    """Whether an operator that binds weaker than `&&` stands there: `||`, or the `?` of a choice."""
    if text.startswith("||", position):
        return True
    return text[position] == "?" and text[position - 1 : position] != "="


def _unwrapped(text: str) -> str:
    """The text without brackets that enclose all of it."""
    while text.startswith("(") and _closing(text) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _closing(text: str) -> int:
    """Where the bracket that opens the text is closed."""
    depth, quoted, escaped = 0, False, False
    for position, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = quoted
        elif character == '"':
            quoted = not quoted
        elif not quoted:
            depth += (character == "(") - (character == ")")
            if depth == 0:
                return position
    return -1


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
    (r'.*GLIDEIN_Site == "([^"]*)"\)* isnt true', "a machine that is not at the remote site \\1"),
    (r'.*GLIDEIN_Site == "([^"]*)".*', "a machine at the remote site \\1"),
)


def in_words(text: str, value_of: Callable[[str], object]) -> str:
    """What a requirement asks for, for people; the expression itself when it is none of the known."""
    for pattern, phrase in _PHRASES:
        found = re.fullmatch(pattern, text)
        if found is not None:
            words = found.expand(phrase)
            return re.sub(r"\{(\w+)\}", lambda name: _value_text(name[1], value_of), words)
    return text


def _value_text(name: str, value_of: Callable[[str], object]) -> str:
    """A value of the job; disk is in kB there."""
    value = value_of(name)
    return (
        size_text(int(value) * 1024)
        if "Disk" in name and isinstance(value, int | float)
        else str(value)
    )
