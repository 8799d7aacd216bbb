"""Texts with names in them: `%{ProcId}`, `%{ClusterId}`, `%{Uuid}`, `%{Index}`, `%{item}`, `%{item.2}`, in any case."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from hepsub.errors import UsageError
from hepsub.job import Columns
from hepsub.jobid import Again
from hepsub.suggest import closest

if TYPE_CHECKING:
    from hepsub.plan.columns import ItemPart

_NAME = r"%\{([A-Za-z]+)((?:\.[^\s{}.]+)*)\}"


class Name(enum.Enum):
    """A name that stands for something known only for one job, or only after the submission."""

    PROC = "ProcId"
    CLUSTER = "ClusterId"
    UUID = "Uuid"
    INDEX = "Index"
    ITEM = "item"
    ITEMS = "items"


_BY_FOLDED = {name.value.casefold(): name for name in Name}


class Values(Struct, frozen=True, kw_only=True):
    """What the names stand for in one job.

    Attributes:
        index: Index, the first job's plus `%{ProcId}`.
        item: the job's line of the list, the first one of several; empty without one.
        columns: those of the lines; None for a list without.
        cluster: None while it is not known, and the name stays as it is.
        again: the ProcId that the job had when it was submitted first; None for one that is submitted now.
    """

    proc: int
    index: int
    item: str = ""
    items: tuple[str, ...] = ()
    columns: Columns | None = None
    cluster: int | None = None
    again: int | None = None

    @property
    def said(self) -> int:
        """What `%{ProcId}` stands for."""
        # A job that is run again writes where the first run should have: its names are those of that time.
        return self.proc if self.again is None else self.again


def job_values(
    number: int,
    first: int,
    items: tuple[str, ...],
    ends: tuple[int, ...] = (),
    again: Again | None = None,
    columns: Columns | None = None,
) -> list[Values]:
    """What the names stand for, job by job."""
    return [
        values_of(proc, first, items, ends, again=again, columns=columns) for proc in range(number)
    ]


def values_of(
    proc: int,
    first: int,
    items: tuple[str, ...],
    ends: tuple[int, ...],
    cluster: int | None = None,
    again: Again | None = None,
    columns: Columns | None = None,
) -> Values:
    """What the names stand for in one job.

    Args:
        proc: the job's ProcId.
        first: the Index of the first job.
        items: those of all jobs; empty without a list.
        ends: where in them the items of each job end; empty for one item each.
        cluster: None while it is not known.
        again: the earlier jobs that are run again, in this order; None for new ones.
        columns: those of the items; None where nothing asks for them.
    """
    own = items[ends[proc - 1] if proc else 0 : ends[proc]] if ends else items[proc : proc + 1]
    earlier = again.procs[proc] if again is not None else None
    return Values(
        proc=proc,
        index=first + (proc if earlier is None else earlier),
        item=own[0] if own else "",
        items=own,
        columns=columns,
        cluster=cluster,
        again=earlier,
    )


class Template(Struct, frozen=True):
    """A text in parts: literal runs (never two in a row, never empty) and names."""

    parts: tuple[str | Name | ItemPart, ...]

    def names(self) -> frozenset[Name]:
        """The names that occur, also those of which a part occurs."""
        return frozenset(
            part if isinstance(part, Name) else part.name
            for part in self.parts
            if not isinstance(part, str)
        )

    @property
    def is_list(self) -> bool:
        """Whether it is nothing but `%{items}`, or a part of each: a text for each of a job's items."""
        return (
            len(self.parts) == 1
            and not isinstance(self.parts[0], str)
            and Name.ITEMS in self.names()
        )

    def listed(self, values: Values) -> tuple[str, ...]:
        """The text for each of a job's items, of a template that is nothing else."""
        (part,) = self.parts
        return values.items if isinstance(part, str | Name) else part.texts(values)

    @property
    def start(self) -> str:
        """What the text begins with, whatever the job."""
        first = self.parts[0] if self.parts else ""
        return first if isinstance(first, str) else ""

    @property
    def begins_with_item(self) -> bool:
        """Whether what it begins with is the job's own: an item, or a part of one."""
        first = Template(self.parts[:1]).names()
        return not first.isdisjoint((Name.ITEM, Name.ITEMS))

    def fill(self, values: Values) -> str:
        """The text for one job."""
        return self.fill_all((values,))[0]

    def fill_all(self, jobs: Sequence[Values]) -> list[str]:
        """The text for each of several jobs."""
        # 10,000 jobs wait for this: what does not differ is looked up once.
        if not self.names():
            return [str(self)] * len(jobs)
        words = [part if isinstance(part, str) else _word(part) for part in self.parts]
        return [
            "".join([word if isinstance(word, str) else word(values) for word in words])
            for values in jobs
        ]

    def fill_known(self, values: Values) -> Template:
        """The template with all filled in but what the submission brings: ClusterId, where not known, and Uuid."""
        # Parts and not text: an item is data, and what it holds is not looked at for names again.
        return joined([self._known(part, values) for part in self.parts])

    def _known(self, part: str | Name | ItemPart, values: Values) -> str | Name:
        if isinstance(part, str) or part is Name.UUID:
            return part
        if part is Name.CLUSTER and values.cluster is None:
            return part
        return _word(part)(values)

    def with_uuid(self, uuid: str) -> Template:
        """The template of one submission: its UUID is no name any more."""
        if Name.UUID not in self.parts:
            return self
        return joined([uuid if part is Name.UUID else part for part in self.parts])

    def __str__(self) -> str:
        return "".join(
            part if isinstance(part, str) else f"%{{{part.value}}}" for part in self.parts
        )


def joined(parts: Iterable[str | Name | ItemPart]) -> Template:
    """A template of these parts: texts in a row become one, empty ones nothing."""
    found: list[str | Name | ItemPart] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        elif part:
            found.append(part)
    return Template(tuple(found))


def _cluster(values: Values) -> str:
    return "%{ClusterId}" if values.cluster is None else str(values.cluster)


_WORDS: Mapping[Name, Callable[[Values], str]] = {
    Name.PROC: lambda values: str(values.said),
    Name.CLUSTER: _cluster,
    Name.UUID: lambda _: "%{Uuid}",
    Name.INDEX: lambda values: str(values.index),
    Name.ITEM: lambda values: values.item,
    Name.ITEMS: lambda values: " ".join(values.items),
}


def _word(part: Name | ItemPart) -> Callable[[Values], str]:
    return _WORDS[part] if isinstance(part, Name) else part.text


def parse_template(text: str, *, strict: bool = False) -> Template:
    """Split a text at its names; `%{other}` that resembles no name is literal, or (strict) refused.

    Raises:
        UsageError: a name is nearly, but not quite, one that is known.
    """
    if "%{" not in text:
        return literal(text)
    parts: list[str | Name | ItemPart] = []
    position = 0
    for match in re.finditer(_NAME, text):
        name = _BY_FOLDED.get(match[1].casefold())
        if name is None:
            _refuse_near_miss(match[1], match[2], strict=strict)
            continue
        if match[2] and name not in (Name.ITEM, Name.ITEMS):  # only items have parts
            continue
        if match.start() > position:
            parts.append(text[position : match.start()])
        parts.append(_part_of(name, match[2]) if match[2] else name)
        position = match.end()
    if position < len(text):
        parts.append(text[position:])
    return Template(tuple(parts))


def literal(text: str) -> Template:
    """A template without names."""
    return Template((text,) if text else ())


def _part_of(name: Name, behind: str) -> ItemPart:
    from hepsub.plan.columns import item_part  # which knows templates, and few jobs need it

    return item_part(name, behind)


def _refuse_near_miss(word: str, behind: str, *, strict: bool) -> None:
    known = (Name.ITEM, Name.ITEMS) if behind else Name
    match = closest(word, [name.value for name in known])
    if match is not None:
        raise UsageError(
            f"unknown name '%{{{word}{behind}}}'", remedy=f"did you mean '%{{{match}{behind}}}'?"
        )
    # In an argument it may belong to the program's own language; a path with it would be made as it stands.
    if strict and not behind:
        names = ", ".join(f"%{{{name.value}}}" for name in Name)
        raise UsageError(f"unknown name '%{{{word}}}' in a path", remedy=f"the names are {names}")


def fitting_template(texts: Sequence[str], jobs: Sequence[Values]) -> str | None:
    """The template that gives each job its text, which has no names in it; None where no one does."""
    if len(set(texts)) == 1:
        return texts[0]
    # The last number is the longest, and stands in fewest places by chance.
    last, values = texts[-1], jobs[-1]
    for name, word in (
        (Name.PROC, str(values.said)),
        (Name.INDEX, str(values.index)),
        (Name.ITEM, values.item),
    ):
        at = [found.start() for found in re.finditer(re.escape(word), last)] if word else []
        for chosen in (*([each] for each in at), at):  # run 7 of round7: one place, or all
            text = _replaced(last, chosen, len(word), f"%{{{name.value}}}")
            if parse_template(text).fill_all(jobs) == list(texts):
                return text
    return None


def _replaced(text: str, at: Iterable[int], length: int, by: str) -> str:
    for start in sorted(at, reverse=True):
        text = text[:start] + by + text[start + length :]
    return text
