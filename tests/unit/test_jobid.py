"""Job ids, text both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsub.errors import UsageError
from hepsub.jobid import (
    JobId,
    parse_job_id,
    parse_procs,
    procs_brief,
    procs_text,
    same_schedd,
    short_name,
)


@pytest.mark.parametrize(
    ("text", "job"),
    [
        ("13", JobId(cluster=13)),
        (" 13 ", JobId(cluster=13)),
        ("13.0", JobId(cluster=13, first=0, last=0)),
        ("13.2", JobId(cluster=13, first=2, last=2)),
        ("13.0-9", JobId(cluster=13, first=0, last=9)),
        ("13.4-4", JobId(cluster=13, first=4, last=4)),
        ("60726917.0", JobId(cluster=60726917, first=0, last=0)),
        ("schedd07:13.2", JobId(cluster=13, first=2, last=2, schedd="schedd07")),
        ("schedd07.example.org:13", JobId(cluster=13, schedd="schedd07.example.org")),
        ("q1@host-2.example.org:13.0-3", JobId(cluster=13, first=0, last=3, schedd="q1@host-2.example.org")),
    ],
)  # fmt: skip
def test_an_id_is_read(text: str, job: JobId) -> None:
    """A cluster, a proc, a range of procs, each with or without a schedd."""
    assert parse_job_id(text) == job


@pytest.mark.parametrize(
    "text",
    ["", "0", "-1", "job", "13.", ".2", "13.2.1", "13-14", "13.2-", "13,14", ":13", "a b:13", "13.x", "1e3", "*",
     "1" * 5000, "13.0-" + "9" * 20],
)  # fmt: skip
def test_what_is_no_id_is_refused_with_an_example(text: str) -> None:
    """The error shows the word and what an id looks like."""
    with pytest.raises(UsageError) as caught:
        parse_job_id(text)
    assert caught.value.message == f"'{text}' is no job id"
    assert "13.0-9" in caught.value.remedy


def test_a_range_that_runs_backwards_is_refused() -> None:
    """13.9-0 is a slip of the finger, not an empty range."""
    with pytest.raises(UsageError, match=r"'13\.9-0' ends before it begins"):
        parse_job_id("13.9-0")


JOBS = st.builds(
    lambda cluster, first, more, schedd: JobId(
        cluster=cluster,
        first=first,
        last=None if first is None else first + more,
        schedd=schedd,
    ),
    st.integers(min_value=1, max_value=2**31),
    st.none() | st.integers(min_value=0, max_value=10**6),
    st.integers(min_value=0, max_value=10**6),
    st.just("") | st.from_regex(r"[A-Za-z0-9_.@-]{1,20}", fullmatch=True),
)


@given(JOBS)
def test_an_id_is_read_back_from_its_text(job: JobId) -> None:
    """What hepsub prints as an id, it reads as the same id."""
    assert parse_job_id(str(job)) == job


@pytest.mark.parametrize(
    ("text", "proc", "held"),
    [
        ("13", 0, True),
        ("13", 999, True),
        ("13.2", 2, True),
        ("13.2", 1, False),
        ("13.2-4", 2, True),
        ("13.2-4", 4, True),
        ("13.2-4", 5, False),
    ],
)
def test_an_id_holds_its_procs(text: str, proc: int, *, held: bool) -> None:
    """A cluster holds all of its procs, a range those from end to end."""
    assert parse_job_id(text).holds(13, proc) is held


def test_an_id_holds_no_proc_of_another_cluster() -> None:
    """Proc 2 of cluster 14 is not 13.2."""
    assert not parse_job_id("13.2").holds(14, 2)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("schedd07.example.org", "schedd07"),
        ("schedd07", "schedd07"),
        ("queue2@schedd07.example.org", "queue2"),
    ],
)
def test_the_short_name_of_a_schedd(name: str, short: str) -> None:
    """What stands before `@`, else before the first dot."""
    assert short_name(name) == short


@pytest.mark.parametrize(
    ("asked", "name", "same"),
    [
        ("schedd07", "schedd07.example.org", True),
        ("schedd07.example.org", "schedd07.example.org", True),
        ("schedd07.example", "schedd07.example.org", True),
        ("queue2", "queue2@schedd07.example.org", True),
        ("schedd0", "schedd07.example.org", False),
        ("schedd07", "schedd08.example.org", False),
    ],
)
def test_a_name_given_means_a_schedd(asked: str, name: str, *, same: bool) -> None:
    """Full and short names mean a schedd; a part of the short name does not."""
    assert same_schedd(asked, name) is same


@pytest.mark.parametrize(
    ("text", "procs", "shown"),
    [
        ("3", (3,), "3"),
        ("3,17-20", (3, 17, 18, 19, 20), "3,17-20"),
        ("20-20, 4 ,3", (3, 4, 20), "3-4,20"),
        ("0-2,1-3", (0, 1, 2, 3), "0-3"),
    ],
)
def test_procs(text: str, procs: tuple[int, ...], shown: str) -> None:
    """As people write them, and as they are written for them."""
    assert parse_procs(text) == procs
    assert procs_text(reversed(procs)) == shown
    assert parse_procs(shown) == procs


@pytest.mark.parametrize("text", ["", ",", "3-", "-3", "a", "13.2", "5-4", "0-999999999", "3;4"])
def test_what_names_no_procs(text: str) -> None:
    with pytest.raises(UsageError):
        parse_procs(text)


def test_a_long_list_is_cut_for_people() -> None:
    assert procs_brief(range(0, 40, 2)) == "0,2,4,6,8,10,12,14,16,18 and 10 more"
    assert procs_brief([1, 2, 3, 7]) == "1-3,7"


def test_no_procs() -> None:
    assert procs_text(()) == ""
