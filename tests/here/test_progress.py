"""The line that says what takes long, on a real terminal: it comes after a second, tells, and goes without a trace."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import socket
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.fakes.screen import Screen, open_screen
from tests.here.world import until
from tests.staging.desk import STORAGE, clear
from tests.testbed.faults import Slow
from tests.testbed.proxy import FaultProxy
from tests.testbed.s3 import S3Server

INPUTS = 3000
POLICY = '[pool.here]\nkind = "here"\n[defaults]\npool = "here"\nmemory = 10\n'
WAIT = "hep_sub -wait job.sh"
BEGUN = [
    "1 job(s) submitted to cluster 1",
    "hep_sub: the jobs run on this machine (the pool 'here')",
]
ENDED = [*BEGUN, "1 of 1 job(s) ended with exit code 0"]
SIGN = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
Opens = Callable[..., Screen]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a home with a script that takes three seconds."""
    made = tmp_path / "home"
    made.mkdir()
    (made / "policy.toml").write_text(POLICY)
    script = made / "job.sh"
    script.write_text("#!/bin/sh\nsleep 3\n")
    script.chmod(0o755)
    return made


def variables_of(home: Path) -> dict[str, str]:
    """The environment of a user with this home and an embedded pool of its own."""
    return {
        "HOME": str(home),
        "HEPSUB_CONFIG": str(home / "policy.toml"),
        "HEPSUB_HERE_DIR": str(home / "queue"),
        "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}",
        "CONDOR_CONFIG": "ONLY_ENV",
    }


def give_store(home: Path, server: S3Server) -> None:
    """Let the user have keys for a store, and a policy that names it."""
    (home / ".aws").mkdir()
    (home / ".aws/credentials").write_text(server.write_credentials().read_text())
    with (home / "policy.toml").open("a") as policy:
        policy.write(STORAGE.format(endpoint=server.endpoint))


@pytest.fixture
def opens(home: Path) -> Iterator[Opens]:
    """Give what opens a terminal in the home, with an embedded pool that is gone at the end."""
    variables = variables_of(home)
    with ExitStack() as stack:
        opened: list[Screen] = []

        def open_one(width: int = 80, **more: str) -> Screen:
            directory = home / f"screen{len(opened)}"
            directory.mkdir()
            opening = open_screen(directory, variables | more, home, width=width)
            opened.append(stack.enter_context(opening))
            return opened[-1]

        yield open_one
        last = open_one()
        last.type("hep_rm -a; echo gone")
        last.wait_for(lambda seen: "\ngone" in seen, 60)


@pytest.fixture
def slow_store(
    home: Path, rclone_s3: S3Server, fault_proxy: Callable[[S3Server], FaultProxy]
) -> S3Server:
    """Give a store with 3000 objects whose listings come slowly, and keys for it."""
    rclone_s3.start()
    with contextlib.suppress(
        ClientError
    ):  # another test has made it; who lists it now sees no files from below
        rclone_s3.make_bucket("many")
    for number in range(INPUTS):
        path = rclone_s3.directory / f"data/many/runs/run_{number:04}.root"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    proxy = fault_proxy(rclone_s3)
    proxy.inject(Slow(150_000), method="GET")
    give_store(home, proxy.server)
    return proxy.server


def line_of(seen: str) -> str:
    """The line on a screen that says what takes long; empty for none."""
    found = [each for each in seen.splitlines() if each[:1] and each[0] in SIGN]
    assert len(found) <= 1, seen
    return found[0] if found else ""


def is_line(pattern: str, seen: str) -> bool:
    """Whether a screen has such a line."""
    return re.fullmatch(pattern, line_of(seen)[2:]) is not None


def the_rest(screen: Screen, command: str) -> list[str]:
    """What is on a screen besides the command and the prompts, when the command has ended."""
    screen.wait_for(lambda seen: seen.endswith("\n$"), 60)
    assert screen.cursor() == (True, 2)
    first, *rest, last = screen.lines()
    assert (first, last) == (f"$ {command}", "$")
    return rest


@pytest.mark.s3
@pytest.mark.usefixtures("slow_store")
def test_submitting_3000_inputs_shows_where_it_is(opens: Opens) -> None:
    """What is being listed, and how many objects came; then it is gone."""
    screen = opens()
    command = "hep_sub -list 's3://many/runs/*' -in '%{item}' job.sh"
    screen.type(command)
    screen.wait_for(lambda seen: line_of(seen)[2:].startswith("listing herd:many/runs/ 1000, "))
    screen.wait_for(lambda seen: line_of(seen)[2:].startswith("listing herd:many/runs/ 2000, "))
    assert the_rest(screen, command)[0] == f"{INPUTS} job(s) submitted to cluster 1"


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (200, "cluster 1: 0 idle, 1 running, 0 held, 0 ended ━{30} 0 of 1, 2 s"),
        (80, "cluster 1: 0 idle, 1 running, 0 held, 0 ended ━{12,20} 0 of 1, 2 s"),
        (40, "cluster 1: 0 idle, 1 runnin… 0 of 1"),
        (20, "cluster 1: 0 …"),
    ],
)  # fmt: skip
def test_waiting_shows_the_counts_in_place(opens: Opens, width: int, shown: str) -> None:
    """At any width on one line."""
    screen = opens(width=width)
    screen.type(WAIT)
    screen.wait_for(functools.partial(is_line, shown))
    screen.wait_for(lambda seen: seen.endswith("\n$"))
    assert screen.lines() == [f"$ {WAIT}", *ENDED, "$"]


def test_it_leaves_nothing_after_ctrl_c(opens: Opens) -> None:
    """A clean line, and a cursor."""
    screen = opens()
    screen.type(WAIT)
    screen.wait_for(lambda seen: line_of(seen) != "")
    screen.press("C-c")
    assert the_rest(screen, WAIT) == [
        *BEGUN,
        "hep_sub: error: waiting was interrupted; the jobs of cluster 1 go on",
        "hep_sub: hep_q -i 1 shows them, hep_rm 1 removes them",
    ]


@pytest.mark.parametrize("signal", ["KILL", "TERM"])
def test_the_cursor_is_there_after_a_signal(opens: Opens, home: Path, signal: str) -> None:
    """The shell has a line of its own, and nothing of the command is left."""
    screen = opens()
    screen.type(f"sh -c 'echo $$ > pid; exec {WAIT}'")
    screen.wait_for(lambda seen: line_of(seen) != "")
    os.kill(int((home / "pid").read_text()), {"KILL": 9, "TERM": 15}[signal])
    screen.wait_for(lambda seen: seen.endswith("$"))
    assert screen.cursor()[0]
    screen.type("clear; ps -ef | grep -c '[h]ep_sub -wait'")
    screen.wait_for(lambda seen: seen.startswith("0\n"))


def test_it_may_be_stopped_and_sent_behind(opens: Opens) -> None:
    """Nothing is drawn over the shell's line, and it is there again in front."""
    screen = opens()
    screen.type(WAIT)
    screen.wait_for(lambda seen: line_of(seen) != "")
    screen.press("C-z")
    screen.wait_for(lambda seen: "Stopped" in seen)
    screen.type("clear; bg; clear; sleep 1; echo free")
    screen.wait_for(lambda seen: seen.startswith("free"))
    assert line_of(screen.text()) == ""
    screen.type("fg")
    screen.wait_for(lambda seen: seen.endswith("\n$"))


def test_a_terminal_that_becomes_narrower_is_left_clean(opens: Opens) -> None:
    """What the terminal had wrapped is removed as well."""
    screen = opens(width=120)
    screen.type(WAIT)
    screen.wait_for(lambda seen: "━" in line_of(seen))
    screen.resize(40)
    screen.wait_for(lambda seen: "━" not in seen and line_of(seen) != "")
    assert the_rest(screen, WAIT) == ENDED


@pytest.mark.parametrize(
    ("more", "words", "said"),
    [
        ({"NO_COLOR": "1"}, "", "hep_sub: cluster 1: 0 idle, 0 running, 0 held, 1 ended"),
        ({"TERM": "dumb"}, "", "hep_sub: cluster 1: 0 idle, 0 running, 0 held, 1 ended"),
        ({}, " 2>&1 | cat", "hep_sub: cluster 1: 0 idle, 0 running, 0 held, 1 ended"),
        ({}, " -json > out", None),
        ({}, " -quiet > out", None),
    ],
)
def test_nothing_comes_and_goes_where_that_is_not_wanted(
    opens: Opens, more: dict[str, str], words: str, said: str | None
) -> None:
    """Lines that stay, as in a pipe; none with -json and -quiet."""
    screen = opens(**more)
    screen.type(f"{WAIT}{words}")
    drawn: list[str] = []

    def has_ended(seen: str) -> bool:
        drawn.append(line_of(seen))
        return seen.endswith("\n$")

    screen.wait_for(has_ended)
    assert set(drawn) == {""}
    lines = screen.lines()[1:-1]
    if said is None:
        assert lines == []
    else:
        assert lines[0] == "1 job(s) submitted to cluster 1"
        assert lines[-2:] == [said, "1 of 1 job(s) ended with exit code 0"]


@pytest.mark.s3
@pytest.mark.usefixtures("slow_store")
def test_fetching_shows_how_much_came(opens: Opens, home: Path) -> None:
    """Files, bytes, how quickly, and how long it will take."""
    (home / "job.sh").write_text("#!/bin/sh\nhead -c 1000000 /dev/zero > big\n")
    screen = opens()
    screen.type(
        "hep_sub job.sh -out big=herd:many/big -quiet; hep_wait -quiet 1; clear; hep_fetch 1"
    )
    shown = r"0 of 1 files ━+╸?━* [0-9.]+ kB of 976.6 kB, [0-9.]+ kB/s, \d+ s left"
    screen.wait_for(functools.partial(is_line, shown))
    screen.wait_for(lambda seen: seen.endswith("\n$"))
    assert line_of(screen.text()) == ""
    assert (home / "1/0/big").stat().st_size == 1_000_000


def test_it_goes_on_while_the_bindings_stop_all_threads(opens: Opens, home: Path) -> None:
    """A collector that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        (home / "away.toml").write_text(f'[pool.away]\ncollector = "127.0.0.1:{port}"\n')
        screen = opens(HEPSUB_CONFIG=str(home / "away.toml"))
        screen.type("hep_q -p away")
        for seconds in ("1 s", "2 s", "3 s"):
            screen.wait_for(functools.partial(is_line, f"asking the pool away {seconds}"))
        assert the_rest(screen, "hep_q -p away")[0].startswith(
            "hep_q: error: the collector 127.0.0.1"
        )


@pytest.mark.s3
def test_a_store_that_is_away_is_told_while_the_job_runs(home: Path, rclone_s3: S3Server) -> None:
    """By -why, at once, and by the job's stderr; when it is back the output arrives."""
    rclone_s3.start()
    clear(rclone_s3, ("told",))
    give_store(home, rclone_s3)
    endpoint = rclone_s3.endpoint
    (home / "job.sh").write_text(
        f"#!/bin/sh\necho result > r\nwhile curl -s -o /dev/null {endpoint}; do sleep 0.2; done\n"
    )

    def run(*words: str) -> str:
        done = subprocess.run(
            words, cwd=home, env=variables_of(home), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done
        return done.stdout

    run("hep_sub", "job.sh", "-out", "r=herd:told/r", "-env", "HEPSUB_PAUSE_MS=100")
    until(lambda: "it runs on" in run("hep_q", "-i", "1", "-why"))
    assert "uploading" not in run("hep_q", "-i", "1", "-why")
    rclone_s3.service.stop()
    host = endpoint.partition("//")[2]
    told = rf"so far: uploading outputs since \d+ s, the store {host} does not answer since \d+ s\n"
    until(lambda: re.search(told, run("hep_q", "-i", "1", "-why")))
    said = f"hepsub: uploading outputs: the store {host} does not answer (no connection)"
    assert said in run("hep_tail", "-e", "1")
    rclone_s3.start()
    run("hep_wait", "1")
    assert rclone_s3.content("told", "r") == b"result\n"
    assert f"hepsub: the store {host} answers again" in (home / "job.sh.err.1.0").read_text()
