"""Hostile places: locales, closed and full streams, all kinds of terminals, full or locked homes, umask 000."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hepsub.tools.timers import LOOP
from tests.here.shell import Home

NAME = "测试 è".replace(" ", "-") + ".sh"
"""Chinese and Italian."""
SAYS = r"""printf '\033[2Jciao è 测试\n'; printf '\033]0;owned\007perché\n' >&2; exit 3"""
LOOKS = {
    "hep_sub status": 0, "hep_sub status 1": 0, "hep_sub status -state 1": 0, "hep_sub status -watch 1": 60,
    "hep_q -i 1 -why": 0, "hep_history 1": 0, "hep_tail 1.0": 0, "hep_tail -f 1.0": 60, "hep_wait 1": 60,
    "hep_sub -check": 0, "hep_sub -dry-run job.sh": 0, "hep_sub -help all": 0,
}  # fmt: skip
"""Commands that look only, and how they end: with cluster 1, whose job failed."""
ACTS = ("hep_sub job.sh", "hep_sub -resubmit 1 -failed", "hep_sub -resubmit 1.0")


@pytest.fixture
def failed(home: Home) -> Home:
    """Cluster 1 has one job, which failed."""
    home.script("job.sh", SAYS)
    assert home.type("hep_sub job.sh -wait").returncode == 60
    return home


@pytest.mark.parametrize("locale", ["C", "POSIX", "zh_CN.GBK", "it_IT.ISO-8859-1", "nonsense"])
def test_names_and_words_are_what_they_are_in_every_locale(home: Home, locale: str) -> None:
    """The way of a job that fails, through the new commands: names in their own letters, escapes shown as such."""
    places = home.root / "locales"
    places.mkdir()
    if locale == "zh_CN.GBK" and (program := shutil.which("localedef")):
        argv = [program, "-i", "zh_CN", "-f", "GBK", str(places / locale)]
        subprocess.run(argv, capture_output=True, check=False)
    home.script(NAME, SAYS)
    there = {"LC_ALL": locale, "LOCPATH": str(places)}
    assert home.type(f"hep_sub {NAME} -wait -name naïve-è", **there).returncode == 60
    shown = [
        home.type(line, **there) for line in ("hep_sub status", "hep_sub status 1", "hep_wait 1")
    ]
    assert [done.returncode for done in shown] == [0, 0, 60]
    texts = "".join(done.stdout + done.stderr for done in shown)
    assert f"{home.work}/{NAME}.err.1.0" in texts
    assert "\\x1b]0;owned\\x07perché" in texts
    assert "\x1b" not in texts
    raw = home.type("hep_tail -e 1.0", **there).stdout
    assert raw == "\x1b]0;owned\x07perché\n"  # in a pipe: the job's own bytes
    assert home.type("hep_sub -resubmit 1 -failed -wait", **there).returncode == 60


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_streams_that_are_closed(failed: Home, closed: str) -> None:
    """Each command ends as it would otherwise; a cluster is told on what is left."""
    for line, code in LOOKS.items():
        done = failed.type(f"{line} {closed}")
        assert done.returncode == code, (line, done)
    for line in ACTS:
        done = failed.type(f"{line} {closed}")
        assert done.returncode == 0, (line, done)
        assert "1 job(s) submitted to cluster" in done.stdout + done.stderr, (line, done)
        failed.type("hep_wait 1")


def test_a_full_disk_behind_stdout(failed: Home) -> None:
    """71: who only looked calls again; who submitted is told the cluster, and that once is enough."""
    for line in LOOKS:
        done = failed.type(f"{line} >/dev/full")
        assert done.returncode == 71, (line, done)
        assert "No space left on device" in done.stderr, line
        assert "was done" not in done.stderr, line
    for line in ACTS:
        done = failed.type(f"{line} >/dev/full")
        assert done.returncode == 71, (line, done)
        assert "1 job(s) submitted to cluster" in done.stderr, line
        assert "do not repeat the command" in done.stderr, line
        failed.type("hep_wait 1")


def test_a_full_disk_behind_stderr(failed: Home) -> None:
    """Talk that nobody can hear changes nothing."""
    for line, code in LOOKS.items():
        assert failed.type(f"{line} 2>/dev/full").returncode == code, line


@pytest.fixture
def small(failed: Home) -> Iterator[Home]:
    """The home is a file system of its own, of 256 kB, with all that was kept so far."""
    if os.geteuid():
        pytest.skip("mounting needs root")
    kept = failed.root / "kept"
    failed.directory.rename(kept)
    failed.directory.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(failed.directory)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        shutil.copytree(kept, failed.directory, dirs_exist_ok=True)
        yield failed
    finally:
        subprocess.run(["umount", "-l", str(failed.directory)], check=True)


def fill(directory: Path) -> None:
    """Leave no room in a file system."""
    with open(directory / "filler", "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return


def lock(directory: Path) -> None:
    """Let nothing be written in a file system."""
    subprocess.run(["mount", "-o", "remount,ro", str(directory)], check=True)


@pytest.mark.parametrize("spoil", [fill, lock])
def test_a_home_that_is_full_or_locked(small: Home, spoil: Callable[[Path], None]) -> None:
    """What looks goes on; what submits is refused before anything is submitted; -check and it end with one code."""
    spoil(small.directory)
    for line, code in LOOKS.items():
        wanted = 18 if line == "hep_sub -check" else code
        assert small.type(line).returncode == wanted, line
    for line in ACTS:
        done = small.type(line)
        if spoil is fill and done.returncode == 0:  # a last page of the journal had room
            assert "cannot run these jobs again" in done.stderr
            break
        assert (done.returncode, done.stdout) == (18, ""), (line, done)
        assert "nothing was submitted" in done.stderr


def test_what_is_kept_is_private_whatever_the_umask(failed: Home) -> None:
    """With 000 nobody else may write what hepsub reads, nor read what it keeps."""
    failed.script("copy.sh", "cp in out")
    (failed.work / "in").write_text("x")
    for line in (*ACTS, "hep_sub copy.sh -in in -out out=result -wait", "hep_sub status"):
        failed.type(f"umask 000; {line}")
    kept = [each for each in failed.directory.rglob("*") if not each.is_symlink()]
    assert len(kept) > 10
    open_to_others = [each for each in kept if stat.S_IMODE(each.stat().st_mode) & 0o022]
    assert open_to_others == []
    files = [
        each for each in kept if each.is_file() and not is_behind_a_door(each, failed.directory)
    ]
    assert files == []


def is_behind_a_door(path: Path, home: Path) -> bool:
    """Whether it, or a directory above it, lets nobody else in."""
    above = (each for each in (path, *path.parents) if each.is_relative_to(home))
    return any(not stat.S_IMODE(each.stat().st_mode) & 0o077 for each in above)


def on_terminal(home: Home, line: str, size: str, **more: str) -> tuple[int, str]:
    """A line at a terminal of some size, ROWS COLUMNS: how it ended, and what the terminal got."""
    rows, columns = size.split()
    inner = f"stty rows {rows} cols {columns}; {line}; echo code=$?"
    done = home.type(
        f"script -qec {shlex.quote(f'/bin/bash -c {shlex.quote(inner)}')} /dev/null", **more
    )
    shown, _, code = done.stdout.rpartition("code=")
    return int(code.strip()), shown


@pytest.mark.parametrize("size", ["24 80", "1 1"])
@pytest.mark.parametrize(
    "terminal", [{"TERM": "xterm"}, {"TERM": "dumb"}, {"TERM": "nonsense"}, {}]
)
def test_terminals_of_all_kinds(failed: Home, terminal: dict[str, str], size: str) -> None:
    """No window is too small; and what a job wrote commands no terminal."""
    for line in ("hep_sub status", "hep_sub status 1", "hep_sub -h", "hep_tail 1.0"):
        code, shown = on_terminal(failed, line, size, **terminal)
        assert code == 0, (line, shown)
        assert "\x1b[2J" not in shown
        assert "\x1b]0;" not in shown


COLOUR = r"\x1b\[(\d+;)*(3|4|9|10)\d"


def test_a_terminal_gets_what_it_can_show(failed: Home) -> None:
    """A dumb one no escapes at all; one whose user wants no colours none of these."""
    for line in ("hep_sub status", "hep_sub status 1", "hep_sub status -watch 1", "hep_sub -check"):
        assert "\x1b" not in on_terminal(failed, line, "24 80", TERM="dumb")[1], line
        shown = on_terminal(failed, line, "24 80", TERM="xterm", NO_COLOR="1")[1]
        assert re.search(COLOUR, shown) is None, line


def test_all_texts_recommend_the_same_way_to_renew(failed: Home) -> None:
    """Where neither cron nor systemd would run it: -loop, also after -install was tried."""
    for name in ("crontab", "systemctl", "loginctl"):
        failed.program(name, "echo not here >&2; exit 1")
    done = failed.type("hep_auth renew -install")
    assert (done.returncode, LOOP in done.stderr) == (59, True)
    done = failed.type("hep_auth renew -status")
    assert (done.returncode, LOOP in done.stderr) == (59, True)
    checked = failed.type("hep_sub -check").stdout
    assert f"-> {LOOP}" in checked
    failed.script("slow.sh", "sleep 60")
    (failed.work / "in").write_text("x")
    assert failed.type("hep_sub slow.sh -in in").returncode == 0
    assert "-install" not in failed.type("hep_q -u -why; hep_auth; hep_sub -check").stdout
