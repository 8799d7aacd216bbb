"""What an action reports: a value, what else to say, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeAlias, TypeVar

from msgspec import Struct, to_builtins

from hepsub.errors import HepsubError

SCHEMA = "hepsub/1"

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Documented(Protocol):
    """Something a command was asked for that holds more than its JSON does."""

    def document(self) -> Struct:
        """What stands under `result` in JSON."""


Value = Struct | Documented
"""Something a command was asked for: its fields are its JSON, unless it has a `document`."""
V_co = TypeVar("V_co", bound=Value, covariant=True)


class Problem(Struct, frozen=True, kw_only=True):
    """Something that went wrong, for one job or for all; its fields are its JSON.

    Attributes:
        code: a word that scripts can rely on.
        message: what happened and where.
        remedy: what to do next; empty when nothing helps.
    """

    code: str
    message: str
    remedy: str = ""

    @classmethod
    def of(cls, error: HepsubError) -> Problem:
        """What an error says."""
        return cls(code=error.code, message=error.message, remedy=error.remedy)


class NotedProblem(Problem, frozen=True, kw_only=True):
    """A problem that a note tells people already."""


class Result(Struct, Generic[V_co], frozen=True, kw_only=True):
    """What an action did or found.

    Attributes:
        notes: what people should know; talk, never parsed.
        problems: what was not done.
        exit_code: 0 only if all that was asked was done.
    """

    value: V_co
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    exit_code: int = 0


AnyResult: TypeAlias = Result[Value]
"""What comes of a command, whatever it is."""


def failures(
    errors: Sequence[HepsubError], shared_exit_code: int
) -> tuple[tuple[Problem, ...], int]:
    """Errors that did not end an action, as its problems, and the exit code they make.

    Args:
        errors: what went wrong, job by job.
        shared_exit_code: the exit code when errors of several kinds came together.
    """
    kinds = {error.exit_code for error in errors}
    code = kinds.pop() if len(kinds) == 1 else shared_exit_code if kinds else 0
    return tuple(Problem.of(each) for each in errors), code


def every_error(below: type[HepsubError] = HepsubError) -> Iterator[type[HepsubError]]:
    """The errors that have exit codes of their own."""
    for each in below.__subclasses__():
        if "exit_code" in vars(each):
            yield each
        yield from every_error(each)


def error_of(exit_code: int) -> type[HepsubError]:
    """The error that an exit code means."""
    # Special cases share their parent's code, and have none of their own: there is one error for each.
    return next(each for each in every_error() if each.exit_code == exit_code)


def described(value: Value) -> Struct:
    """What a value holds for programs."""
    return (
        value if isinstance(value, Struct) and not hasattr(value, "document") else value.document()
    )


def document_of(value: Value) -> dict[str, Json]:
    """A value as it stands under `result` in JSON."""
    found: dict[str, Json] = to_builtins(described(value))
    return found


def envelope(
    command: str, result: Mapping[str, Json] | None, problems: tuple[Problem, ...], *, ok: bool
) -> dict[str, Json]:
    """The JSON document that every command prints with -json."""
    return {
        "schema": SCHEMA,
        "command": command,
        "ok": ok,
        "result": dict(result) if result is not None else None,
        "problems": [to_builtins(each) for each in problems],
    }
