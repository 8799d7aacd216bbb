"""The launcher: an isolated interpreter, and the caller's own environment handed on."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.fakes.programs import write_program

LAUNCHER = Path(__file__).resolve().parents[2] / "hepsub" / "launcher" / "hep_sub"
STUB = """#!/bin/sh
printf '%s\\n' "$@"
env | grep -E '^(LD_|HEPSUB_SAVED_)' | sort
exit 7
"""
_START = LAUNCHER.read_text().partition("start='")[2].partition("'")[0]
STARTED = ["-I", "-S", "-X", "utf8", "-c", *_START.splitlines(), ""]
"""The words before the command's name, a line each."""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """An installed hep_sub, with a Python beside it that shows how it was called and exits with 7."""
    directory = tmp_path / "my venv" / "bin"
    directory.mkdir(parents=True)
    for name, text in (("hep_sub", LAUNCHER.read_text()), ("python3", STUB)):
        write_program(directory / name, text)
    return directory / "hep_sub"


def launch(program: Path, *words: str, **variables: str) -> tuple[list[str], int]:
    """The lines that the Python stub printed, and the exit code."""
    done = subprocess.run(
        [str(program), *words],
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.splitlines(), done.returncode


def test_the_python_beside_it_is_started_isolated(installed: Path) -> None:
    """-I keeps PYTHONPATH and PYTHONHOME away; the words arrive unchanged, the exit code too."""
    lines, code = launch(installed, "job.sh", "-argu", "a  b", "", "$HOME *")
    assert lines == [*STARTED, "hep_sub", "job.sh", "-argu", "a  b", "", "$HOME *"]
    assert code == 7


def test_the_loaders_variables_are_put_aside(installed: Path) -> None:
    """An experiment's LD_LIBRARY_PATH does not reach hepsub's interpreter, but is not lost."""
    lines, _ = launch(installed, LD_LIBRARY_PATH="/exp/lib:/x y", LD_PRELOAD="")
    assert lines[len(STARTED) + 1 :] == [
        "HEPSUB_SAVED_LD_LIBRARY_PATH=/exp/lib:/x y",
        "HEPSUB_SAVED_LD_PRELOAD=",
    ]


def test_variables_that_are_not_set_stay_unset(installed: Path) -> None:
    """Nothing is invented."""
    lines, _ = launch(installed)
    assert lines[len(STARTED) + 1 :] == []


def test_the_commands_alone_are_linked_as_readme_says(installed: Path, tmp_path: Path) -> None:
    """`ln -s …/bin/hep_* …` : each is found on PATH by its name, and finds its Python."""
    names = sorted(each.name for each in LAUNCHER.parent.iterdir())
    for name in names:
        write_program(installed.parent / name, (LAUNCHER.parent / name).read_text())
    (tmp_path / "links").mkdir()
    subprocess.run('ln -s "$PWD/my venv"/bin/hep_* links/', shell=True, cwd=tmp_path, check=True)
    for name in names:
        done = subprocess.run(
            ["/bin/sh", "-c", f"{name} x"],
            env={"PATH": f"{tmp_path}/links:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.splitlines() == [*STARTED, name, "x"]


def test_it_may_be_linked_from_elsewhere(installed: Path, tmp_path: Path) -> None:
    """A chain of links, relative and absolute, still finds the Python beside the real file."""
    (tmp_path / "first").symlink_to("my venv/bin/hep_sub")
    (tmp_path / "hep_sub").symlink_to(tmp_path / "first")
    lines, code = launch(tmp_path / "hep_sub", "job.sh")
    assert lines == [*STARTED, "hep_sub", "job.sh"]
    assert code == 7


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installed hep_sub whose Python is interrupted while it looks for its packages."""
    place = tmp_path_factory.mktemp("venv")
    venv.create(place, with_pip=False, symlinks=True)
    [packages] = place.glob("lib/python3*/site-packages")
    interrupt = "import os, signal; os.kill(os.getpid(), signal.SIGINT)\n"
    (packages / "interrupt.pth").write_text(f"{interrupt}{LAUNCHER.parents[2]}\n")
    shutil.copy(LAUNCHER, place / "bin" / "hep_sub")
    return place / "bin" / "hep_sub"


def test_ctrl_c_while_python_starts_says_nothing(interrupted: Path) -> None:
    done = subprocess.run([interrupted, "-h"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_ctrl_c_that_is_ignored_stays_so(interrupted: Path) -> None:
    """`hep_sub … &` in a script: sh starts it with SIGINT ignored."""
    words = ["/bin/sh", "-c", "trap '' INT; exec \"$0\" --version", str(interrupted)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("hep_sub (hepsub) ")


FAILED = """
import atexit, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
def tell():
    from hepsub.tools.run import run
    print(run(["false"], timeout=9, check=False).code)
atexit.register(tell)
sys.argv[1:] = ["hep_sub", "-version"]
from hepsub.__main__ import run
run()
"""


def test_a_program_that_failed_has_failed_whoever_started_hepsub() -> None:
    """Where SIGCHLD is ignored the system forgets how children ended, and Python takes that for 0."""
    words = [sys.executable, "-c", FAILED]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, cwd=LAUNCHER.parents[2]
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == ["1"]


CLOSED = """
import atexit, os, sys
def tell():
    with open(sys.argv[-1], "w") as file:
        print(file.fileno() > 2, *(sys.stdin, sys.stderr), file=file)
atexit.register(tell)
sys.argv[1:] = ["hep_sub", "-version", sys.argv[1]]
from hepsub.__main__ import run
run()
"""


def test_no_file_takes_the_place_of_a_stream_that_is_closed(tmp_path: Path) -> None:
    """What a library writes to descriptor 2, or reads from 0, would go into the journal."""
    line = '"$0" -c "$1" "$2" <&- 2>&-'
    words = ["/bin/sh", "-c", line, sys.executable, CLOSED, str(tmp_path / "said")]
    subprocess.run(words, check=False, cwd=LAUNCHER.parents[2])
    assert (tmp_path / "said").read_text() == "True None None\n"
