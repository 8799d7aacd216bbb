"""The `#SBATCH` lines of a script, as sbatch 22.05 and 24.11 read them (each was tried)."""

from __future__ import annotations

import pytest

from hepsub.errors import UsageError
from hepsub.slurm.directives import read_directives


def read(text: str) -> list[str]:
    """Line and option of each."""
    return [f"{each.line} {each.word}" for each in read_directives(text, "job.sh")]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["#SBATCH -pgpu -c 2"], ["2 --partition=gpu", "2 --cpus-per-task=2"]),
        (["#SBATCH --partition=gpu", "#SBATCH --time 10"], ["2 --partition=gpu", "3 --time=10"]),
        (["#SBATCH -J 'a b' # a comment"], ["2 --job-name=a b"]),
        (['#SBATCH -J "a \\" b"c'], ['2 --job-name=a " bc']),
        (["#SBATCH -J a\\b"], ["2 --job-name=ab"]),
        (["#SBATCH -J q#r --mem=3"], ["2 --job-name=q"]),
        (["#SBATCH --mem", "#SBATCH 300"], ["2 --mem=300"]),
        (["#SBATCH\t-t\t5"], ["2 --time=5"]),
        (["#SBATCH --part=gpu --nice --nice=3"], ["2 --partition=gpu", "2 --nice", "2 --nice=3"]),
        (["#SBATCH --exclusive -HQ"], ["2 --exclusive", "2 --hold", "2 --quiet"]),
        (["# a comment", "", "  # another", "#SBATCH -n1"], ["5 --ntasks=1"]),
        (["##SBATCH -n1", " #SBATCH -n2", "#sbatch -n3"], []),
        (["true", "#SBATCH -n1"], []),
        (["  cd /tmp", "#SBATCH -n1"], []),
        (["#SBATCH"], []),
    ],
)  # fmt: skip
def test_lines(lines: list[str], expected: list[str]) -> None:
    assert read("\n".join(["#!/bin/sh", *lines, "true"])) == expected


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("#SBATCH -J 'a", "job.sh line 2: a quote has no other one"),
        (
            "#SBATCH -J a\\ b",
            "job.sh line 2: Slurm's versions read a blank behind a backslash differently",
        ),
        ("#SBATCH hello -J x", "line 2: hello: it is no option"),
        ("#SBATCH -- -J x", "line 2: --: it is no option"),
        ("#SBATCHfoo", "line 2: foo: it is no option"),
        ("#SBATCH --m=3", "line 2: --m: it may be --mail-type, --mail-user"),
        ("#SBATCH --partitoin=gpu", "line 2: --partitoin: sbatch has no such option"),
        ("#SBATCH -Z", "line 2: -Z: sbatch has no such option"),
        ("#SBATCH --mem", "line 2: --mem: its value is missing"),
        ('#SBATCH -J "" --mem=3', "line 2: -J: its value is missing"),
        ("#SBATCH --hold=yes", "line 2: --hold=yes: it takes no value"),
        ("#SBATCH -J a\x1bb", "control character"),
        ("#SBATCH " + "-H " * 1001, "more than 1000 words"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(line: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(f"#!/bin/sh\n{line}\n")
    assert said in refused.value.message
    assert refused.value.remedy


def test_what_is_no_script_has_no_lines() -> None:
    assert read("#SBATCH -n1\n") == []
    assert read("") == []
