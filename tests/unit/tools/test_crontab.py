"""The user's crontab: one line comes and goes, every other byte stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hepsub.errors import ToolFailed
from hepsub.tools.crontab import (
    MARK,
    cron_daemon,
    cron_line,
    marked_line,
    read_crontab,
    with_line,
    without_line,
    write_crontab,
)
from tests.fakes.programs import write_program

OTHERS = b'# mine\nMAILTO=""\n0 3 * * 1 /bin/backup 100\\% \xff\r\n\n@reboot x # hepsub renewal?\n'
LINE = f"*/10 * * * * hep_auth renew {MARK}"
CRONTAB = """#!/bin/sh
case $1 in
-l) [ -e "$0.table" ] || { echo 'no crontab for alice' >&2; exit 1; }; exec /bin/cat "$0.table" ;;
-r) exec /bin/rm "$0.table" ;;
*) exec /bin/cp "$1" "$0.table" ;;
esac
"""


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file behind a crontab of the test's own."""
    (tmp_path / "sh").symlink_to("/bin/sh")
    write_program(tmp_path / "crontab", CRONTAB)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "crontab.table"


def test_the_line_goes_to_the_end_and_away_again() -> None:
    """What others wrote is the same to the byte, whatever it is."""
    there = with_line(OTHERS, LINE)
    assert there == OTHERS + LINE.encode() + b"\n"
    assert marked_line(there) == LINE
    assert without_line(there) == OTHERS


def test_a_last_line_without_its_end_gets_one() -> None:
    """Ours would be glued to it."""
    assert with_line(b"0 1 * * * x", LINE) == f"0 1 * * * x\n{LINE}\n".encode()


def test_a_second_line_takes_the_place_of_the_first() -> None:
    """Wherever it stands; and there is one only."""
    before = b"a\n" + LINE.encode() + b"\nb\n" + LINE.encode() + b"\n"
    assert with_line(before, f"5 * * * * new {MARK}") == f"a\n5 * * * * new {MARK}\nb\n".encode()


def test_what_only_looks_like_our_line_is_left_alone() -> None:
    """A comment that somebody made of it, or another command that ends otherwise."""
    other = f"# {LINE}\n0 1 * * * hep_auth renew\n".encode()
    assert marked_line(other) == ""
    assert without_line(other) == other


def test_a_line_that_cron_would_cut_is_refused() -> None:
    """Half a command would run."""
    with pytest.raises(ToolFailed, match="cron reads 990"):
        with_line(b"", "x" * 991)
    with pytest.raises(ToolFailed, match="cron reads 990"):
        with_line(b"", "ö" * 496)


def test_a_line_is_one_line_of_whatever_bytes() -> None:
    """A file may have any name; with a line end in it cron would read a second command."""
    assert with_line(b"", "/home/dat\udce9 x") == b"/home/dat\xe9 x\n"
    with pytest.raises(ToolFailed, match="line end"):
        with_line(b"", "HEPSUB_CONFIG=a\n* * * * * b")


@pytest.mark.parametrize(
    ("every", "seed", "when"),
    [
        (600, 3, "3-59/10 * * * *"),
        (600, 1234567, "7-59/10 * * * *"),
        (60, 99, "* * * * *"),
        (2, 99, "* * * * *"),
        (1800, 29, "29-59/30 * * * *"),
        (3600, 61, "1 * * * *"),
        (86400, 77, "17 * * * *"),
    ],
)
def test_when_it_runs(every: float, seed: int, when: str) -> None:
    """In minutes of the user's own; more than an hour is hourly, less than a minute each minute."""
    assert cron_line(every, seed, "x") == f"{when} x {MARK}"


def test_a_percent_sign_is_escaped() -> None:
    """To cron a bare one is the end of the command."""
    assert cron_line(60, 0, "a%b") == rf"* * * * * a\%b {MARK}"


def test_no_crontab_is_an_empty_one(table: Path) -> None:
    """The first line makes it, the last one that goes removes it."""
    assert read_crontab() == b""
    write_crontab(OTHERS)
    assert table.read_bytes() == OTHERS == read_crontab()
    write_crontab(b"")
    assert not table.exists()


def test_what_cannot_be_read_is_not_taken_for_empty(table: Path) -> None:
    """Else the next thing written would lose it."""
    (table.parent / "crontab").write_text(
        "#!/bin/sh\necho 'You (alice) are not allowed' >&2\nexit 1\n"
    )
    with pytest.raises(ToolFailed, match=r"cannot be read: You \(alice\) are not allowed"):
        read_crontab()


def test_without_the_program_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container has none."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolFailed, match="crontab is not installed"):
        read_crontab()


def make_process(proc: Path, number: int, name: str) -> None:
    (proc / str(number)).mkdir(parents=True)
    (proc / str(number) / "comm").write_text(f"{name}\n")


@pytest.mark.parametrize("name", ["cron", "crond", "fcron"])
def test_a_daemon_is_found_among_the_processes(tmp_path: Path, name: str) -> None:
    """By its whole name."""
    make_process(tmp_path, 7, "crony")
    make_process(tmp_path, 42, name)
    assert cron_daemon(tmp_path, tmp_path) == f"{name} (process 42)"


def test_a_daemon_in_a_container_is_not_this_machines(tmp_path: Path) -> None:
    """It is seen from outside, and has crontabs of its own."""
    make_process(tmp_path, 42, "cron")
    (tmp_path / "42/status").write_text("Name:\tcron\nNSpid:\t42\t7\n")
    assert cron_daemon(tmp_path, tmp_path) == ""
    (tmp_path / "42/status").write_text("Name:\tcron\nNSpid:\t42\n")
    assert cron_daemon(tmp_path, tmp_path) == "cron (process 42)"


def test_no_daemon_is_seen(tmp_path: Path) -> None:
    """Neither in /proc nor in /run; an old number of nobody is no daemon."""
    make_process(tmp_path, 7, "crony")
    (tmp_path / "crond.pid").write_text("999999999\n")
    (tmp_path / "cron.pid").write_text("garbage\n")
    assert cron_daemon(tmp_path, tmp_path) == ""


def test_a_daemon_behind_hidepid_is_found_by_its_number(tmp_path: Path) -> None:
    """Where /proc shows one's own processes only."""
    (tmp_path / "crond.pid").write_text(f"{os.getpid()}\n")
    assert cron_daemon(tmp_path / "proc", tmp_path) == f"crond (process {os.getpid()})"
