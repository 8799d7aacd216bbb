"""What an action reports, and the JSON envelope."""

from __future__ import annotations

import pytest

from hepsub.errors import HepsubError, NotDone, NotYetMade, PoolUnreachable, UnknownJob
from hepsub.result import Problem, envelope, failures


def test_the_envelope_of_a_success() -> None:
    """Five keys, whatever the command."""
    assert envelope("hep_rm", {"jobs": 2}, (), ok=True) == {
        "schema": "hepsub/1",
        "command": "hep_rm",
        "ok": True,
        "result": {"jobs": 2},
        "problems": [],
    }


def test_the_envelope_of_an_error() -> None:
    """Without a result the key is there, with null; a problem has three keys."""
    problem = Problem(code="usage", message="no script", remedy="name one")
    assert envelope("hep_sub", None, (problem,), ok=False) == {
        "schema": "hepsub/1",
        "command": "hep_sub",
        "ok": False,
        "result": None,
        "problems": [{"code": "usage", "message": "no script", "remedy": "name one"}],
    }


@pytest.mark.parametrize(
    ("errors", "exit_code"),
    [
        ([], 0),
        ([UnknownJob("a")], 51),
        ([UnknownJob("a"), UnknownJob("b")], 51),
        ([UnknownJob("a"), NotYetMade("b")], 53),
        ([PoolUnreachable("a"), NotDone("b"), UnknownJob("c")], 53),
    ],
)
def test_errors_of_one_kind_keep_their_exit_code(errors: list[HepsubError], exit_code: int) -> None:
    """Several kinds together have the exit code that stands for all of them."""
    problems, code = failures(errors, 53)
    assert code == exit_code
    assert [problem.message for problem in problems] == [error.message for error in errors]


def test_an_error_becomes_a_problem_with_its_word_and_remedy() -> None:
    """Nothing of an error is lost on the way into JSON."""
    problems, _ = failures([NotDone("13 is running", remedy="wait")], 53)
    assert problems == (Problem(code="not-done", message="13 is running", remedy="wait"),)
