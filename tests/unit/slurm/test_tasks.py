"""Tasks of an array: what squeue shows, and what Slurm's programs are told."""

from __future__ import annotations

import pytest

from hepsub.jobid import JobId
from hepsub.slurm.acts import in_lines, words_for
from hepsub.slurm.rows import Row
from hepsub.slurm.tasks import common, number_of, read_tasks
from tests.unit.slurm.test_rows import one


@pytest.mark.parametrize(
    ("text", "number", "first", "last"),
    [
        ("3", 1, 3, 3),
        ("0-19999%20", 20_000, 0, 19_999),
        ("8,10-12", 4, 8, 12),
        ("0-18:2", 10, 0, 18),
        ("0-999999999", 1_000_000_000, 0, 999_999_999),
    ],
)
def test_what_squeue_shows(text: str, number: int, first: int, last: int) -> None:
    tasks = read_tasks(text)
    assert (number_of(tasks), tasks[0][0], tasks[-1][-1]) == (number, first, last)


@pytest.mark.parametrize("text", ["", "N/A", "a", "1-", "-1", "1,,2", "5-1", "1-2:x", "0-20,..."])
def test_what_is_no_list_of_tasks(text: str) -> None:
    """Nor one that was cut: half of an array is not the array."""
    assert read_tasks(text) == ()


def test_those_that_ids_mean() -> None:
    tasks = read_tasks("0-9,20,30-39")
    ids = (JobId(cluster=1, first=8, last=20), JobId(cluster=1, first=39, last=99))
    assert common(tasks, ids) == read_tasks("8-9,20,39")
    assert common(tasks, [JobId(cluster=1)]) == tasks
    assert common(tasks, [JobId(cluster=1, first=0, last=0)]) == read_tasks("0")
    assert common(tasks, ids[:0]) == ()


def row(cluster: int, tasks: str) -> Row:
    """Jobs of a cluster."""
    return one(ArrayJobID=str(cluster), JobID=str(cluster), ArrayTaskID=tasks)


def test_a_whole_array_is_one_word() -> None:
    rows = [row(1, "0-19998"), row(1, "19999"), row(2, "N/A"), row(3, "7"), row(3, "9-11")]
    assert list(words_for(rows)) == ["2", "1_[0-19999]", "3_[7,9-11]"]


def test_a_command_line_has_an_end() -> None:
    """Every second one of a large array: its words are of a length that a program can be given."""
    tasks = ",".join(str(each) for each in range(0, 60_000, 2))
    lines = list(in_lines(words_for([row(1, tasks)])))
    assert max(len(",".join(line)) for line in lines) < 128_000
    named = [read_tasks(word[3:-1]) for line in lines for word in line]
    assert sum(map(number_of, named)) == 30_000
