"""The Python API: typed values, typed errors with what was found, and nothing loaded before it is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import Struct

import hepsub
from hepsub import api, errors
from hepsub.actions.submit.documents import SubmissionDocument
from hepsub.jobid import JobId
from hepsub.result import NotedProblem, Problem, Result, every_error


class Found(Struct, frozen=True):
    """What was found."""

    jobs: int


def problem(error: type[errors.HepsubError], message: str = "m") -> Problem:
    return Problem(code=error.code, message=message, remedy=f"{error.code} remedy")


def test_what_was_done_is_returned_as_it_is() -> None:
    noted = NotedProblem(code="x", message="told already")
    assert api._answer(Result(value=Found(3), problems=(noted,)), Found) == Found(3)


@pytest.mark.parametrize("error", [*every_error()], ids=lambda error: error.__name__)
def test_an_exit_code_is_the_error_of_that_code(error: type[errors.HepsubError]) -> None:
    """With the message of its own problem, and what was done all the same."""
    problems = (Problem(code="spool", message="another"), problem(error))
    result = Result(value=Found(3), problems=problems, exit_code=error.exit_code)
    with pytest.raises(error) as caught:
        api._answer(result, Found)
    assert type(caught.value) is error
    assert (caught.value.message, caught.value.result) == ("m", Found(3))
    assert caught.value.remedy == f"{error.code} remedy"


def test_where_errors_of_several_kinds_came_together_the_first_one_is_told() -> None:
    problems = (
        problem(errors.ScheddNotReached, "first"),
        problem(errors.PoolUnreachable, "second"),
    )
    result = Result(value=Found(0), problems=problems, exit_code=errors.PoolError.exit_code)
    with pytest.raises(errors.PoolError, match="first"):
        api._answer(result, Found)


SUBMITTED = SubmissionDocument(
    cluster=13, jobs=2, pool="far", schedd="s7@far", uuid="u", new=True, libraries=(), notes=(), procs=()
)  # fmt: skip


@pytest.mark.parametrize(
    ("which", "meant"),
    [
        (13, JobId(cluster=13)),
        ("13.2-4", JobId(cluster=13, first=2, last=4)),
        ("s7:13", JobId(cluster=13, schedd="s7")),
        (SUBMITTED, JobId(cluster=13, schedd="s7@far")),
    ],
)
def test_jobs_are_named_by_what_people_have_of_them(which: api.Jobs, meant: JobId) -> None:
    """A submission's own schedd is meant, where two of them have the number."""
    assert api._ids([which]) == [meant]


@pytest.mark.parametrize("which", [0, -1, "x", "13.", True])
def test_what_is_no_job_is_refused(which: api.Jobs) -> None:
    with pytest.raises(errors.UsageError):
        api._ids([which])


def test_every_name_is_there() -> None:
    assert {name for name in hepsub.__all__ if getattr(hepsub, name) is None} == set()
    with pytest.raises(AttributeError):
        hepsub.nothing  # noqa: B018 (mypy knows that there is no such name, too)


def test_what_is_not_asked_for_is_not_loaded(tmp_path: Path) -> None:
    program = (
        "import hepsub, sys; print([each for each in sys.modules if each.startswith('hepsub')])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout == "['hepsub']\n"
