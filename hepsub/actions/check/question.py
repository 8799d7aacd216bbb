"""What is looked at, and how it was found: trouble is an answer, too, and so is silence."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from hepsub.actions.auth.s3 import at_once
from hepsub.errors import HepsubError, PoolUnreachable

LIMIT_S = 6.0
"""Nobody waits longer for one round of answers; HTCondor itself would wait a minute for a collector."""


class Mark(enum.Enum):
    """How something was found."""

    OK = "ok"
    MISSING = "missing"
    TROUBLE = "trouble"


class Line(Struct, frozen=True, kw_only=True):
    """One thing that was looked at; its fields are its JSON.

    Attributes:
        what: a word for its kind, and its name if it has one.
        mark: `ok`; `trouble`, without which jobs will not get far; `missing`, which some commands need.
        said: what was found.
        remedy: what to type, or to do; empty where nothing is to be done.
    """

    what: str
    mark: Mark
    said: str
    remedy: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    """A line, and the word and the exit code of its trouble, where jobs need what it is about."""

    line: Line
    code: str = ""
    exit_code: int = 0


class Question(Struct, frozen=True, kw_only=True):
    """Something to look at.

    Attributes:
        ask: what it is like, for people; raises what is wrong.
        needed: whether jobs need it; else some commands do.
        silent: what is wrong where nothing answers in time.
    """

    what: str
    ask: Callable[[], str]
    needed: bool = True
    silent: type[HepsubError] = PoolUnreachable

    def answer(self) -> Answer:
        """What it is like; trouble is part of it."""
        try:
            return Answer(line=Line(what=self.what, mark=Mark.OK, said=self.ask()))
        except HepsubError as error:
            return self.trouble(error)

    def trouble(self, error: HepsubError) -> Answer:
        """What is wrong with it."""
        mark = Mark.TROUBLE if self.needed else Mark.MISSING
        line = Line(what=self.what, mark=mark, said=error.message, remedy=error.remedy)
        if not self.needed:
            return Answer(line=line)
        return Answer(line=line, code=error.code, exit_code=error.exit_code)


def asked(questions: Sequence[Question]) -> Iterator[Answer]:
    """The answers to questions that are asked all at the same time, and for a limited time."""
    found = at_once([each.answer for each in questions], LIMIT_S)
    for question, answer in zip(questions, found, strict=True):
        late = question.silent(f"no answer within {LIMIT_S:.0f} s", remedy="try again later")
        yield answer or question.trouble(late)
