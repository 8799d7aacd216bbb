"""What an action reports: a value, what else to say, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from hepsub.errors import HepsubError

SCHEMA = "hepsub/1"

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Value(Protocol):
    """Something a command was asked for; the renderer knows how to show each kind."""

    def document(self) -> dict[str, Json]:
        """The value as it stands under `result` in JSON."""


class Problem(Struct, frozen=True, kw_only=True):
    """Something that went wrong, for one job or for all.

    Attributes:
        code: a word that scripts can rely on.
        message: what happened and where.
        remedy: what to do next; empty when nothing helps.
        noted: whether a note says it to people already.
    """

    code: str
    message: str
    remedy: str = ""
    noted: bool = False

    def document(self) -> dict[str, Json]:
        """The problem as it stands under `problems` in JSON."""
        return {"code": self.code, "message": self.message, "remedy": self.remedy}


class Result(Struct, frozen=True, kw_only=True):
    """What an action did or found.

    Attributes:
        value: what was asked for.
        notes: what people should know; talk, never parsed.
        problems: what was not done.
        exit_code: 0 only if all that was asked was done.
    """

    value: Value
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    exit_code: int = 0


def failures(
    errors: Sequence[HepsubError], shared_exit_code: int
) -> tuple[tuple[Problem, ...], int]:
    """Errors that did not end an action, as its problems, and the exit code they make.

    Args:
        errors: what went wrong, job by job.
        shared_exit_code: the exit code when errors of several kinds came together.
    """
    problems = tuple(Problem(code=e.code, message=e.message, remedy=e.remedy) for e in errors)
    kinds = {error.exit_code for error in errors}
    return problems, 0 if not kinds else kinds.pop() if len(kinds) == 1 else shared_exit_code


def envelope(
    command: str, result: Mapping[str, Json] | None, problems: tuple[Problem, ...], *, ok: bool
) -> dict[str, Json]:
    """The JSON document that every command prints with -json."""
    return {
        "schema": SCHEMA,
        "command": command,
        "ok": ok,
        "result": dict(result) if result is not None else None,
        "problems": [problem.document() for problem in problems],
    }
