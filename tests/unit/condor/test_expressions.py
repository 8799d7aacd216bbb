"""Which texts HTCondor reads as an expression."""

from __future__ import annotations

import pytest

from hepsub.condor.attributes import unreadable


@pytest.mark.parametrize(
    "text",
    [
        "x == 1",
        'GLIDEIN_Site == "a"',
        "true",
        'regexp("^a", Machine)',
        'stringListMember("{group}", TARGET.HepJob_WorkerGroups)',
    ],
)
def test_an_expression(text: str) -> None:
    assert unreadable([text]) == frozenset()


@pytest.mark.parametrize(
    "text",
    ["", "x ==", "(x", "x) || (true", "x y", '"abc', "x = 1", "f(a", "x // c", "x\n&& y", "$(x)"],
)
def test_no_expression_or_one_that_changes_its_neighbours(text: str) -> None:
    assert unreadable(["true", text]) == {text}
