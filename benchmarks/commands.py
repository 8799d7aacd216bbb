"""The commands beside what they are measured by: whole processes on an access point, alternating, medians and ratios.

First how long each takes to start, beside Python with the packages that it cannot do without; then how they do
with many jobs, beside HTCondor's own programs. What counts is the ratio, of which `goal` is the largest wanted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

PYTHON = [sys.executable, "-I"]
CLICK = [*PYTHON, "-c", "import click"]
CLICK_AND_HTCONDOR = [*PYTHON, "-c", "import click, htcondor2"]
BARE = """
import sys
import click, htcondor2
named = f'Name == "{sys.argv[1]}"'
location = htcondor2.Collector().query(htcondor2.AdType.Schedd, constraint=named)[0]
text = "executable = /bin/true\\nshould_transfer_files = NO\\nrequirements = false\\nlog =\\n"
if len(sys.argv) > 3:
    text = open(sys.argv[3]).read()
htcondor2.Schedd(location).submit(htcondor2.Submit(text), count=int(sys.argv[2]))
"""
HELD = """
executable = /bin/echo
arguments = event $(ProcId) /scratch/run_$(ProcId).root
should_transfer_files = NO
hold = true
queue {number}
"""
"""On hold, for nothing else keeps so many jobs where they are."""
STORE = """
[storage.herd]
endpoint = "{endpoint}"
allow_http = true
default = true
"""
IDLE = ("-wn", "none", "-o", "/dev/null", "-e", "/dev/null", "/bin/true")
COMMANDS = (
    "hep_q", "hep_rm", "hep_hold", "hep_release", "hep_edit", "hep_history", "hep_tail", "hep_clus", "hep_fetch",
    "hep_mount", "hep_auth",
)  # fmt: skip


class Bench:
    """Measures pairs of commands inside a login node, in turn."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds

    def beside(
        self,
        name: str,
        ours: Sequence[str],
        theirs: Sequence[str],
        goal: float = 0,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """Print the medians of two commands and their ratio.

        Args:
            name: what is measured.
            ours: hepsub's command.
            theirs: what it is measured by.
            goal: the largest ratio wanted; 0 for none.
            before: what is done before each of them, and not measured.
        """
        pairs = [(_seconds(ours, before), _seconds(theirs, before)) for _ in range(self.rounds)]
        mine, other = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
        wanted = f"  (goal {goal:.2f})" if goal else ""
        print(f"{name:52} {mine:6.0f} ms {other:6.0f} ms  {mine / other:5.2f}{wanted}", flush=True)


def _seconds(argv: Sequence[str], before: Callable[[], None]) -> float:
    before()
    started = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def starts(bench: Bench, schedd: str) -> None:
    """How long commands take that have nothing to do."""
    bare = [*PYTHON, "bare.py", schedd]
    bench.beside("hep_sub -h / import click", ["hep_sub", "-h"], CLICK, 1.5)
    dry = ["hep_sub", "-dry-run", *IDLE]
    bench.beside("dry run / import click, htcondor2", dry, CLICK_AND_HTCONDOR, 1.5)
    bench.beside("one submission / a bare script", ["hep_sub", *IDLE], [*bare, "1"], 1.5)
    _clear()
    bench.beside("hep_q, empty queue / condor_q", ["hep_q"], ["condor_q", "-nobatch"])
    bench.beside("hep_q / import click, htcondor2", ["hep_q"], CLICK_AND_HTCONDOR, 1.5)
    for name in COMMANDS:
        bench.beside(f"{name} -h / hep_sub -h", [name, "-h"], ["hep_sub", "-h"], 1.0)


def submissions(bench: Bench, schedd: str, store: Sequence[str]) -> None:
    """How long many jobs take to be submitted.

    Args:
        bench: measures.
        schedd: full name of the schedd.
        store: the variables with which hep_sub knows a store, and its user's keys.
    """
    submit = ["hep_sub", "-n", "10000", *IDLE]
    bare = [*PYTHON, "bare.py", schedd, "10000"]
    bench.beside("10,000 jobs submitted / the bare call", submit, bare, 1.1, _clear)
    words = ["hep_sub", "-dry-run", "-json", *IDLE]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    Path("same.sub").write_text(json.loads(said)["result"]["description"])
    same = [*bare, "same.sub"]
    bench.beside("the same / the bare call, with the same attributes", submit, same, 1.1, _clear)
    files = ["-in", "s3://raw/x", "-out", "r.root=s3://out/%{ClusterId}/%{ProcId}.root"]
    signed = ["env", *store, *submit[:-1], *files, submit[-1]]
    bench.beside("10,000 signed jobs submitted / the bare call", signed, bare, 2.0, _clear)


def many(bench: Bench, schedd: str, number: int) -> None:
    """How long commands take for many jobs that are in the queue."""
    name = f"{number:,} jobs"
    Path("held.sub").write_text(HELD.format(number=number))

    def fill() -> None:
        _clear()
        words = ["condor_submit", "-terse", "-name", schedd, "held.sub"]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)

    fill()
    listing = ["condor_q", "-nobatch", "-name", schedd]
    bench.beside(f"hep_q, {name} / condor_q -nobatch", ["hep_q"], listing, 1.3)
    # Without the clusters of before, which ended seconds ago: schedds are asked for the ends of such ones each time.
    status = ["env", f"XDG_STATE_HOME={Path('new-state').absolute()}", "hep_sub", "status"]
    bench.beside(f"hep_sub status, {name} / condor_q -nobatch", status, listing, 0.5)
    few = Bench(min(bench.rounds, 3))  # each of them takes its time to be filled again
    remove = ["condor_rm", "-name", schedd, "-all"]
    few.beside(f"hep_rm -a, {name} / condor_rm -all", ["hep_rm", "-a"], remove, 1.3, fill)


def _clear() -> None:
    """Remove all own jobs, and wait until they have left."""
    everything = ["condor_rm", "-all"]
    for schedd in _schedds():
        subprocess.run([*everything, "-name", schedd], check=False, capture_output=True)
    while any(_jobs(schedd) for schedd in _schedds()):
        time.sleep(0.5)


def _schedds() -> list[str]:
    words = ["condor_status", "-schedd", "-af", "Name"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()


def _jobs(schedd: str) -> str:
    words = ["condor_q", "-name", schedd, "-limit", "1", "-af", "ClusterId"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def measure(options: argparse.Namespace) -> None:
    """Measure; this runs on the login node, whose Python knows nothing of the checkout."""
    print(f"{'':52} {'ours':>9} {'theirs':>9}  ratio")
    Path("bare.py").write_text(BARE)
    bench = Bench(options.rounds)
    starts(bench, options.schedd)
    submissions(bench, options.schedd, options.store)
    many(bench, options.schedd, options.number)


def send(options: argparse.Namespace) -> int:
    """Start a pool, and let this file measure on its login node."""
    from tests.testbed import rclone
    from tests.testbed.chroot import LOGIN_VENV
    from tests.testbed.pool import start

    pool = start("trixie")
    with contextlib.ExitStack() as stack:
        stack.callback(pool.stop)
        server = rclone.start(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        stack.callback(server.service.end)
        for bucket in ("raw", "out"):
            server.make_bucket(bucket)
        server.client().put_object(Bucket="raw", Key="x", Body=b"x")
        node = pool.login_node(pool.account("hepalice", "benchmark"))
        policy = node.account.write("store.toml", STORE.format(endpoint=server.endpoint))
        program = node.account.write("commands.py", Path(__file__).read_text())
        words = [
            "--rounds",
            options.rounds,
            "--number",
            options.number,
            "--schedd",
            pool.schedds[0],
            "--store",
            f"HEPSUB_CONFIG={policy}",
            f"AWS_ACCESS_KEY_ID={server.access_key}",
            f"AWS_SECRET_ACCESS_KEY={server.secret_key}",
        ]
        argv: list[str | Path] = [f"{LOGIN_VENV}/bin/python", program]
        argv += [str(word) for word in words]
        return subprocess.run(node.command(argv), check=False).returncode


def main() -> int:
    """Start a pool, and measure on its access point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=9, help="how often each pair is measured")
    parser.add_argument("--number", type=int, default=20_000, help="how many jobs are many")
    parser.add_argument("--schedd", default="", help=argparse.SUPPRESS)
    parser.add_argument("--store", nargs="*", default=[], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.schedd:
        return send(options)
    measure(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
