"""What HepJob's users have in cron and in their scripts, as they wrote it, on a machine without a pool."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from hepsub.cli.main import PROGRAMS
from tests.here.user import User
from tests.here.world import until

POLICY = """
[defaults]
pool = "here"
memory = 100
[group.cms]
members = ["{name}"]
"""
HABITS = (
    ("hep_q -u | awk '$6 == \"H\" {print $1}'", "1.2"),
    ("hep_q -u | awk '$6==\"R\"' | wc -l", "2"),
    ("hep_q -u | grep ' R ' | wc -l", "2"),
    ("hep_q -u $LOGNAME | grep -c $LOGNAME", "3"),
    ("hep_q | grep -c sleep.sh", "3"),
    ("hep_q -u | grep -o 'sleep.sh [0-9]*$'", "sleep.sh 0\nsleep.sh 1\nsleep.sh 2"),
    ("hep_q -u | awk '{print $1,$9}' | grep -e sleep | awk '{print $1}'", "1.0\n1.1\n1.2"),
    ("hep_q -u | wc -l", "7"),
    ("hep_q -i 1.0 | wc -l", "5"),
    ("[ $(hep_q -i 1.2 | wc -l) -ne 4 ] && echo still running", "still running"),
    ("[ $(hep_q -i 77 2>/dev/null | wc -l) -ne 4 ] || echo done", "done"),
    ("hep_q -u -stat C | wc -l", "4"),
    ("hep_q -u 2>/dev/null | tail -n 1",
        "3 jobs; 0 completed, 0 removed, 0 idle, 2 running, 1 held, 0 suspended"),
    ("hep_q -u | tail -1 | grep -oE '^[0-9]+'", "3"),
    ("hep_q -u | tail -1 | grep -oP '\\d+ held' | grep -oP '\\d+'", "1"),
    ("hep_q -u -hold | tail -1 | cut -d' ' -f1", "1"),
    ("hep_q -u | awk 'NR > 1 && $6 ~ /^[IRHX]$/ {print \"./sleep.sh.out.\" $1}' | sort",
        "./sleep.sh.out.1.0\n./sleep.sh.out.1.1\n./sleep.sh.out.1.2"),
    ("hep_q -u 2>&1 | python3 -c 'import sys; print([float(l.split()[0]) for l in sys.stdin if \"sleep\" in l])'",
        "[1.0, 1.1, 1.2]"),
    ("hep_q -version | grep -oE '[0-9]+\\.[0-9]+\\.[0-9]+'", "0.1.0"),
    ("hep_clus -g cms --walltime",
        "Walltime Limit INFO for group 'cms':\n'default' job walltime limit is: 10.0 hours.\n"
        "'long' job walltime limit is: 720.0 hours.\n'mid' job walltime limit is: 100.0 hours.\n"
        "'short' job walltime limit is: 30.0 minutes.\n'test' job walltime limit is: 5.0 minutes."),
    ("hep_sub gone.sh >/dev/null 2>&1 || echo failed", "failed"),
    ("hep_edit -m 200 1.2 >/dev/null && hep_q -i 1.2 -json | grep -o '\"requested_mb\": 200'", '"requested_mb": 200'),
)  # fmt: skip
"""Shell lines and what they print, while jobs 1.0 and 1.1 run and 1.2 is on hold."""


class Cron(User):
    """What cron starts: hardly a variable, no terminal, nobody who types."""

    @property
    def environment(self) -> dict[str, str]:
        own = super().environment
        kept = {
            name: own[name]
            for name in ("HOME", "HEPSUB_CONFIG", "HEPSUB_HERE_DIR", "CONDOR_CONFIG")
        }
        return {
            **kept,
            "LOGNAME": self.name,
            "SHELL": "/bin/sh",
            "PATH": f"{self.directory}/bin:/usr/bin:/bin",
        }

    @property
    def name(self) -> str:
        """The login name."""
        return subprocess.run(
            ["id", "-un"], capture_output=True, text=True, check=True
        ).stdout.strip()

    def sh(self, line: str) -> str:
        """What a line prints."""
        done = subprocess.run(
            ["/bin/sh", "-c", line], cwd=self.directory, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout.rstrip("\n")


@pytest.fixture(scope="module")
def cron(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cron]:
    """Cron, with three jobs."""
    made = Cron(directory=tmp_path_factory.mktemp("cron"))
    (made.directory / "policy.toml").write_text(POLICY.format(name=made.name))
    (made.directory / "bin").mkdir()
    path = super(Cron, made).environment["PYTHONPATH"]
    for name in PROGRAMS:
        made.script(f'PYTHONPATH={path} exec {sys.executable} -m hepsub {name} "$@"', f"bin/{name}")
    made.script("exec sleep 1000", "sleep.sh")
    said = made.sh("hep_sub sleep.sh -argu '%{ProcId}' -n 3 2>&1")
    assert said.startswith("3 job(s) submitted to cluster 1\n"), said
    made.sh("hep_hold 1.2")
    until(lambda: made.sh("hep_q -u | awk 'NR>1 {printf $6}'").startswith("RRH"), "for two jobs")
    yield made
    made.close()


@pytest.mark.parametrize(("line", "prints"), HABITS, ids=lambda text: text[:40])
def test_a_line_prints_what_it_always_printed(cron: Cron, line: str, prints: str) -> None:
    assert cron.sh(line) == prints


def test_the_ways_to_find_the_cluster_all_find_it(cron: Cron) -> None:
    """On stdout, and on stdout and stderr together: nothing else matches before it."""
    cron.script("true", "short.sh")
    for way in (
        "grep -oP 'cluster \\K[0-9]+'",
        "sed -n 's/.*submitted to cluster \\([0-9]*\\).*/\\1/p'",
        "awk '/submitted to cluster/ {print $NF}'",
        "python3 -c 'import re, sys; print(re.search(r\"(?:cluster|job)\\D+(\\d+)\", sys.stdin.read())[1])'",
    ):
        for streams in ("2>/dev/null", "2>&1"):
            found = cron.sh(f"hep_sub short.sh {streams} | {way}")
            assert cron.sh(f"hep_q -i {found} | grep -c '^{found}.0 .* short.sh$'") == "1"


def test_removing_asks_nothing_and_takes_ids_from_the_table(cron: Cron) -> None:
    """A chain goes on only if all was done."""
    first = cron.sh("hep_sub sleep.sh -argu '%{ProcId}' -n 4 | grep -oP 'cluster \\K[0-9]+'")
    assert cron.sh(f"hep_q -i {first} | wc -l") == "8"
    cron.sh(
        f"hep_rm $(hep_q -u | awk '$9 == \"sleep.sh\" && $1 ~ /^{first}\\.[01]$/ {{print $1}}')"
    )
    assert cron.sh(f"hep_q -i {first} | awk 'NR > 1 && $6 ~ /[IRH]/ {{print $1}}'").split() == [
        f"{first}.2",
        f"{first}.3",
    ]
    chain = "hep_hold 1.1 && hep_edit -m 300 -a && hep_release -a && echo went on"
    assert cron.sh(chain).endswith("\nwent on")
    assert cron.sh(f"hep_rm {first} && echo removed").endswith("removed")
    assert cron.sh(f"hep_rm {first} || echo nothing there") == "nothing there"
    assert cron.sh("hep_rm -a && echo all").endswith("\nall")
    until(lambda: cron.sh("hep_q -u | wc -l") == "4", "for the queue to be empty")
