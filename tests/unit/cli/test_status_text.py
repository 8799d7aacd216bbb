"""The texts of hep_sub status."""

from __future__ import annotations

import io
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hepsub.actions.queue.cluster import ClusterReport, ClusterReports
from hepsub.actions.queue.counted import ClusterStatus
from hepsub.actions.queue.failures import Failure, Stderr
from hepsub.actions.queue.status import Status
from hepsub.actions.queue.usage import Amount, Bin, Usage
from hepsub.actions.queue.word import JobState, Word
from hepsub.batch import State
from hepsub.cli.output import value_text
from hepsub.cli.text.clusters import SIGNS, bar
from hepsub.cli.text.status import changes
from tests.fakes.world import NOON

FAILURES = (
    Failure(
        state=State.HELD, reason="it outgrew its memory", exit_code=None, exit_signal=None, ids=("13.9",), number=1,
        next_command="hep_edit -m 5000 13.9 && hep_release 13.9",
    ),
    Failure(
        state=State.COMPLETED, reason="exit code 1", exit_code=1, exit_signal=None, ids=("13.3", "13.17-20"), number=5,
        message="an input did not come", stderr=Stderr(job="13.3", path="/w/e.3", lines=("one", "\x1b[2J")),
    ),
)  # fmt: skip
MEMORY = Amount(
    median=1200, most=2304.4, job="13.7", asked=4000, advice="-mem 2900",
    histogram=(Bin(least=900, below=1602, number=8), Bin(least=1602, below=2304.4, number=1)),
)  # fmt: skip
TIMES = Amount(median=60, most=7800, job="13.9", asked=36000)


def cluster(**values: int) -> ClusterStatus:
    none = ClusterStatus(
        pool="local", schedd="schedd01.example.org", cluster=13, name="job.sh", submitted=NOON, idle=0, running=0,
        held=0, reason=None, id="13",
    )  # fmt: skip
    return replace(none, number=sum(values.values()), **values)


REPORT = ClusterReport(
    pool="local", schedd="schedd01.example.org", cluster=13, name="job.sh", submitted=NOON, idle=3, running=1, held=1,
    reason=None, id="13", number=20, done=10, failed=5, waiting_since=NOON, failures=FAILURES,
    usage=Usage(number=15, memory_mb=MEMORY, run_seconds=TIMES, cores=2, cpu_efficiency=0.93),
    commands=("hep_sub -resubmit 13 -failed",),
)  # fmt: skip
VALUE = ClusterReports(pool="local", clusters=(REPORT,), now=NOON + 7200)
TEXT = """\
    [####################xxxxxxxxxx>>!!......]
    10 done #, 5 failed x, 1 running >, 1 held !, 3 idle . (for 2 h)
on hold, it outgrew its memory (1 job(s)): 13.9
    next: hep_edit -m 5000 13.9 && hep_release 13.9
failed, exit code 1 (5 job(s)): 13.3, 17-20
    an input did not come
    /w/e.3:
    | one
    | \\x1b[2J
used by 15 job(s) that have ended:
    memory    median 1200 MB, most 2304 MB (13.7), asked for 4000 MB
    run time  median 1 min, most 2 h 10 min (13.9), limit 10 h
    CPU       93 % of 2 cores
    ask for   -mem 2900, the next time
next: hep_sub -resubmit 13 -failed"""


def test_a_cluster_in_full() -> None:
    title, _, rest = value_text(VALUE).partition("\n")
    assert title.startswith("13 (job.sh) at schedd01, submitted ")
    assert title.endswith(": 20 job(s)")
    assert rest == TEXT


class Terminal(io.TextIOWrapper):
    """What Python writes to where it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("encoding", "drawn"), [("utf-8", "██▁▁"), ("ascii", "##..")])
def test_a_terminal_gets_histograms_that_it_can_show(
    monkeypatch: pytest.MonkeyPatch, encoding: str, drawn: str
) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal(io.BytesIO(), encoding=encoding))
    lines = value_text(VALUE).splitlines()
    assert f"              900 MB [{drawn}] 2304 MB" in lines


def test_a_histogram_whose_ends_are_the_same_for_people_is_not_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of jobs that took less than a megabyte, and less than a second."""
    monkeypatch.setattr(sys, "stdout", Terminal(io.BytesIO(), encoding="utf-8"))
    bins = (Bin(least=0.1, below=0.2, number=1), Bin(least=0.2, below=0.4, number=2))
    small = Amount(median=0.2, most=0.4, job="13.2", asked=0, histogram=bins)
    used = Usage(number=3, memory_mb=small, run_seconds=small, cores=1, cpu_efficiency=None)
    lines = value_text(replace(VALUE, clusters=(replace(REPORT, usage=used),))).splitlines()
    assert "    memory    median under 1 MB, most under 1 MB (13.2)" in lines
    assert "    run time  median under 1 s, most under 1 s (13.2)" in lines
    assert not [line for line in lines if "] under" in line]


@pytest.mark.parametrize(
    ("counts", "drawn"),
    [
        ({"done": 5, "idle": 5}, "#####....."),
        ({"done": 20_000, "failed": 1}, "#########x"),
        ({"done": 1, "failed": 1, "running": 1, "held": 1, "idle": 1}, "##xx>>!!.."),
        ({"removed": 1, "unknown": 1}, "~~~~~?????"),
        ({}, ""),
    ],
)
def test_each_kind_of_jobs_has_a_letter_in_the_bar(counts: dict[str, int], drawn: str) -> None:
    assert bar(cluster(**counts), 10) == drawn


@given(
    st.dictionaries(
        st.sampled_from([name for name, _ in SIGNS]), st.integers(1, 10**6), min_size=1
    ),
    st.sampled_from([10, 20, 40]),
)
def test_a_bar_is_as_wide_as_it_has_to_be(counts: dict[str, int], width: int) -> None:
    """Whatever there is: each kind has a letter, and no bar moves the columns behind it."""
    drawn = bar(cluster(**counts), width)
    assert len(drawn) == width
    assert set(drawn) == {sign for name, sign in SIGNS if name in counts}


@pytest.mark.parametrize("schedd", ["s" * 60, "s" * 150])
@pytest.mark.parametrize("name", ["é", "é" * 300])
def test_no_number_is_cut_in_a_pipe(schedd: str, name: str) -> None:
    """However long the names are that stand beside them; those of jobs give way."""
    many = cluster(done=123456, running=1234567, failed=7654321, idle=1234568, held=1000000)
    status = Status(
        pool="local", clusters=(replace(many, schedd=f"{schedd}@x", name=name, pool="x"),), now=NOON
    )
    line = value_text(status).splitlines()[1]
    assert [
        each
        for each in ("123456", "1234567", "7654321", "1234568", "1000000", schedd)
        if each not in line
    ] == []


def test_only_the_latest_clusters_that_ended_are_shown_and_the_rest_is_counted() -> None:
    over = [cluster(done=1), *(cluster(failed=1) for _ in range(24))]
    lines = value_text(Status(pool="local", clusters=tuple(over), now=NOON)).splitlines()
    assert len(lines) == 1 + 20 + 1
    assert (
        lines[-1]
        == "and 5 more that have ended, 5 of them with failed jobs: hep_sub status -json has all"
    )


def test_one_word() -> None:
    assert value_text(JobState(id="13.2", state=Word.SUCCESS)) == "success"


def test_a_pipe_gets_a_line_for_each_change() -> None:
    said: list[str] = []
    show = changes(lambda value: said.append(value_text(value)))
    for running, done in ((2, 0), (2, 0), (1, 1)):
        show(Status(pool="local", clusters=(cluster(running=running, done=done),), now=NOON))
    assert [line.partition(" ")[2] for line in said] == [
        "13 (job.sh): 0 done, 0 failed, 2 running, 0 held, 0 idle",
        "13 (job.sh): 1 done, 0 failed, 1 running, 0 held, 0 idle",
    ]


@pytest.mark.parametrize("width", [200, 100, 80, 74, 60, 50, 40, 30])
@pytest.mark.parametrize("cluster_id", ["13", "1234567", "schedd07.example.org:13"])
def test_no_terminal_is_too_narrow_for_numbers(
    width: int, cluster_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns go, names are cut; each number, and what means a cluster, stands on one line that fits."""
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", str(width))
    counts = {"done": 12345, "failed": 678, "running": 9012, "idle": 23456, "held": 789}
    numbers = (*map(str, counts.values()), cluster_id.rpartition(":")[2])
    living = replace(
        cluster(**counts),
        id=cluster_id,
        cluster=int(numbers[-1]),
        name="a_name_that_is_rather_long.sh",
        pool="other",
    )
    over = replace(cluster(done=4321, failed=8), cluster=7, id="7", ended=NOON)
    shown = value_text(Status(pool="local", clusters=(living, over), now=NOON))
    lines = re.sub("\x1b\\[[0-9;]*m", "", shown).split("\n")
    assert max(map(len, lines)) <= width or cluster_id not in ("13", "1234567")
    words = re.findall(r"\w+", "\n".join(lines))
    assert not [number for number in (*numbers, "4321", "8", "7") if number not in words], lines
    assert any("a_na" in line for line in lines)
