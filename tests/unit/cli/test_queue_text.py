"""hep_q's table, which scripts have parsed for years."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from hepsub.actions.queue.query import Listing
from hepsub.batch import JobStatus, State
from hepsub.cli.output import value_text
from hepsub.cli.text.queue import summary
from tests.fakes.batch import make_job, make_unmade

HEADER = "JOBID           OWNER           SUBMITTED       RUN_TIME        ST PRI SIZE  CMD"
ROW = (
    "60726917.0      alice           01/13 20:24     0+02:04:08      R  0   732.0"
    " xboss /scratchfs/bes/alice/rec_03.txt"
)
EVENING = time.mktime((2025, 1, 13, 20, 24, 0, 0, 0, -1))


def xboss(**values: object) -> JobStatus:
    """The job of HepJob's pages, with other values where they are given."""
    job = make_job(
        "60726917.0",
        State.RUNNING,
        submitted=EVENING,
        run_seconds=7448.0,
        memory_mb=732.0,
        command="xboss",
        arguments=("/scratchfs/bes/alice/rec_03.txt",),
    )
    return replace(job, **values)


def listing(*jobs: JobStatus, reasons: bool = False) -> Listing:
    """A listing of these jobs."""
    return Listing(pool="local", jobs=jobs, unmade=(), reasons=reasons)


def test_a_row_is_the_one_of_hepjobs_pages() -> None:
    """Header, row, two blank lines, summary."""
    assert value_text(listing(xboss())).split("\n") == [
        HEADER,
        ROW,
        "",
        "",
        "1 jobs; 0 completed, 0 removed, 0 idle, 1 running, 0 held, 0 suspended",
    ]


def test_the_columns_are_where_they_always_were() -> None:
    """0, 16, 32, 48, 64, 67, 71, 77."""
    header = value_text(listing()).splitlines()[0]
    titles = ("JOBID", "OWNER", "SUBMITTED", "RUN_TIME", "ST", "PRI", "SIZE", "CMD")
    assert [header.index(title) for title in titles] == [0, 16, 32, 48, 64, 67, 71, 77]


def test_awk_finds_state_and_command() -> None:
    """SUBMITTED is two words, so the state is $6 and the command $9."""
    words = value_text(listing(xboss())).splitlines()[1].split()
    assert (words[0], words[5], words[8]) == ("60726917.0", "R", "xboss")


@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_there_are_four_lines_besides_the_jobs(number: int) -> None:
    """In cron `[ $(hep_q -u | wc -l) -ne 4 ]` means that something is in the queue."""
    jobs = [make_job(f"13.{proc}") for proc in range(number)]
    assert len(value_text(listing(*jobs)).split("\n")) == number + 4


def test_an_empty_listing_is_exactly_four_lines() -> None:
    """Cron scripts count them: header, two blank lines, summary."""
    assert value_text(listing()) == (
        f"{HEADER}\n\n\n0 jobs; 0 completed, 0 removed, 0 idle, 0 running, 0 held, 0 suspended"
    )


def test_the_summary_is_the_last_line_and_starts_in_column_0() -> None:
    """After every filter, with nothing behind it."""
    states = [
        State.COMPLETED, State.REMOVED, State.REMOVED, State.IDLE, State.RUNNING, State.TRANSFERRING,
        State.HELD, State.SUSPENDED,
    ]  # fmt: skip
    jobs = [make_job(f"13.{proc}", state) for proc, state in enumerate(states)]
    assert value_text(listing(*jobs)).splitlines()[-1] == (
        "8 jobs; 1 completed, 2 removed, 1 idle, 2 running, 1 held, 1 suspended"
    )


def test_jobs_that_are_not_made_yet_are_idle_and_have_no_line() -> None:
    """A factory with nothing in the queue: four lines, 90 idle jobs."""
    table = value_text(Listing(pool="local", jobs=(), unmade=(make_unmade(20),), reasons=False))
    assert table.splitlines() == [
        HEADER,
        "",
        "",
        "90 jobs; 0 completed, 0 removed, 90 idle, 0 running, 0 held, 0 suspended",
    ]
    both = Listing(pool="local", jobs=(make_job(),), unmade=(make_unmade(20),), reasons=False)
    assert summary(both).startswith("91 jobs; ")


def test_hold_reasons_are_shown_when_asked_for() -> None:
    """Below the job, on one line, with the code; otherwise not at all."""
    job = make_job("13.2", State.HELD, hold_code=34, hold_subcode=102, hold_reason="out of\nmemory")
    assert value_text(listing(job, reasons=True)).splitlines()[2] == (
        "    out of\\nmemory (code 34/102)"
    )
    assert "memory" not in value_text(listing(job))


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ((), "xboss"),
        (("a b", "c"), "xboss a b c"),
        (("x\n13.0 root",), "xboss x\\n13.0 root"),
        (("\x1b[2J",), "xboss \\x1b[2J"),
        (("\x9b31m", "ü"), "xboss \\x9b31m ü"),
    ],
)
def test_a_job_cannot_forge_a_row(arguments: tuple[str, ...], command: str) -> None:
    """Control characters in arguments, line ends and terminal codes, are shown as escapes."""
    row = value_text(listing(xboss(arguments=arguments))).splitlines()[1]
    assert row[77:] == command


@pytest.mark.parametrize(
    ("values", "start"),
    [
        ({"priority": -15}, "0+02:04:08      R  -15 732.0"),
        ({"memory_mb": 12345.67}, "0+02:04:08      R  0   12345.7"),
        ({"memory_mb": 0}, "0+02:04:08      R  0   0.0  "),
        ({"run_seconds": 0}, "0+00:00:00      R  0   732.0"),
        ({"state": State.TRANSFERRING}, "0+02:04:08      >  0   732.0"),
    ],
)
def test_numbers_have_their_places(values: dict[str, object], start: str) -> None:
    """Priorities below 0, memory of any size, every state's letter."""
    assert value_text(listing(xboss(**values))).splitlines()[1][48:].startswith(start)


def test_a_row_has_nothing_behind_it() -> None:
    """No blanks at the end, even without a command."""
    row = value_text(listing(xboss(command="", arguments=()))).splitlines()[1]
    assert row == row.rstrip()
