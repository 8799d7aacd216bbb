"""Jobs run as their plan says, and what became of them is kept."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import replace

from hepsub.batch import State
from hepsub.batch_system import BatchSystem
from hepsub.local.pool import HereBatch
from tests.here.world import Here

_: type[BatchSystem] = HereBatch


def test_runs_and_leaves_the_queue(here: Here) -> None:
    here.script('echo "hello $1"; echo oops >&2; pwd')
    cluster = here.submit("job.sh", "-argu", "world")
    (job,) = here.ended(cluster)
    assert job.state is State.COMPLETED
    assert (job.exit_code, job.exit_signal) == (0, None)
    assert (job.command, job.arguments, job.host) == ("job.sh", ("world",), job.host)
    assert job.ended >= job.submitted
    assert here.read(f"job.sh.out.{cluster}.0") == f"hello world\n{here.directory}\n"
    assert here.read(f"job.sh.err.{cluster}.0") == "oops\n"


def test_exit_codes_and_signals(here: Here) -> None:
    here.script("case $1 in 0) exit 0;; 1) exit 7;; 2) kill -SEGV $$;; 3) kill -KILL $$;; esac")
    ends = here.ended(here.submit("job.sh", "-argu", "%{ProcId}", "-n", "4"))
    assert [(job.exit_code, job.exit_signal) for job in ends] == [
        (0, None),
        (7, None),
        (None, signal.SIGSEGV),
        (None, signal.SIGKILL),
    ]
    assert all(job.state is State.COMPLETED for job in ends)


def test_environment_and_arguments_arrive_exactly(here: Here) -> None:
    variables = {
        "PLAIN": "x",
        "BLANKS": "  a  b ",
        "QUOTES": "'\"$(x)`\\",
        "ÄÖ": "ü€",
        "EMPTY": "",
        "PERCENT": "%{ProcId}%d",
    }
    here = replace(here, environment=variables)
    program = here.directory / "show.py"
    program.write_text(
        f"#!{sys.executable} -IS\nimport os, sys, json\n"
        "print(json.dumps([sys.argv[1:], dict(os.environ), os.getpgid(0) == os.getpid() == os.getsid(0)]))\n"
    )
    program.chmod(0o755)
    (here.directory / "items").write_text("two words  'and' \"quotes\" $HOME\n")
    cluster = here.submit(
        "show.py", "-list", "items", "-argu", "%{item}", "ü", "%{ClusterId}.%{ProcId}", "*"
    )
    (job,) = here.ended(cluster)
    assert job.exit_code == 0
    argv, environment, own_session = json.loads(here.read(f"show.py.out.{cluster}.0"))
    assert argv == ["two words  'and' \"quotes\" $HOME", "ü", f"{cluster}.0", "*"]
    assert own_session
    assert environment.pop("_CONDOR_IHEP_JOB_ID") == f"{cluster}.0"
    assert len(environment.pop("_CONDOR_HEPSUB_RUN")) == 32
    environment.pop("LC_CTYPE", None)  # Python's own doing in a C locale
    environment.pop("PWD", None)
    assert environment == variables


def test_cpu_time_is_kept(here: Here) -> None:
    here.script("i=0; while [ $i -lt 60000 ]; do i=$((i + 1)); done")
    [end] = here.ended(here.submit("job.sh"))
    assert 0.01 < end.cpu_seconds < 20
    assert end.cpu_seconds == here.past()[0].cpu_seconds
