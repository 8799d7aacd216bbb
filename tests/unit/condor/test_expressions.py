"""Which texts HTCondor reads as an expression."""

from __future__ import annotations

import classad2
import pytest

from hepsub.batch import Selection
from hepsub.condor.ads import constraint
from hepsub.condor.attributes import unreadable
from hepsub.jobid import JobId


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


@pytest.mark.parametrize("number", [1, 99, 101, 399, 400, 5000])
def test_so_many_jobs_are_meant_and_no_others(number: int) -> None:
    """ClassAds evaluate no deeper than 400: a flat list of so many alternatives matched nothing."""
    ids = tuple(JobId(cluster=13, first=2 * proc, last=2 * proc) for proc in range(number))
    wanted = classad2.ExprTree(constraint(Selection(ids=ids)))
    for proc, meant in ((0, True), (2 * number - 2, True), (1, False), (2 * number, False)):
        job = classad2.ClassAd({"ClusterId": 13, "ProcId": proc})
        assert wanted.eval(job) is meant, proc
