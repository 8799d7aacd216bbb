"""The commands on Slurm beside bare processes that call its programs: whole processes, alternating; ratios count."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.commands import PYTHON, Bench

BARE = """
import subprocess, sys
words = ["sbatch", "--parsable", "--output=/dev/null", "--error=/dev/null", "--time=60"]
subprocess.run([*words, f"--array=0-{int(sys.argv[1]) - 1}", "job.sh"], check=True)
"""
SAFE = """
import subprocess, sys
import click
words = ["sbatch", "--parsable", "--hold", "--output=/dev/null", "--error=/dev/null", "--time=60"]
words += [f"--array=0-{int(sys.argv[1]) - 1}", "job.sh"]
done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
subprocess.run(["scontrol", "release", done.stdout.strip()], check=True)
"""
"""With what hep_sub cannot do without: what reads its options, and a release behind the journal."""
JOB = "#!/bin/sh\n/bin/true\n"
SUBMIT = ("hep_sub", "-o", "/dev/null", "-e", "/dev/null", "job.sh")
MANY = "MaxJobCount=2000000\n"
"""What was removed counts for some minutes."""
POLICY = '[pool.hpc]\nkind = "slurm"\n[defaults]\npool = "hpc"\n'


def submissions(bench: Bench, number: int) -> None:
    """How long jobs take to be submitted."""
    for name, program in (
        ("a bare process that calls sbatch", "bare.py"),
        ("with click, sbatch --hold, scontrol release", "safe.py"),
    ):
        theirs = [*PYTHON, program]
        bench.beside(f"one job / {name}", SUBMIT, [*theirs, "1"], 1.5, _clear)
        array = (*SUBMIT, "-n", str(number))
        bench.beside(f"{number:,} jobs / {name}", array, [*theirs, str(number)], 1.5, _clear)


def many(bench: Bench, number: int) -> None:
    """How long commands take for many jobs that wait."""
    name = f"{number:,} jobs"

    def fill() -> None:
        _clear()
        subprocess.run([*SUBMIT, "-n", str(number)], check=True, stdout=subprocess.DEVNULL)

    fill()
    listing = ["squeue", "--array"]
    bench.beside(f"hep_q, {name} / squeue --array", ["hep_q"], listing)
    # Without the clusters of before: Slurm is asked for the ends of what ended seconds ago each time.
    status = ["env", f"XDG_STATE_HOME={Path('new-state').absolute()}", "hep_sub", "status"]
    bench.beside(f"hep_sub status, {name} / squeue --array", status, listing)
    remove = ["scancel", "--me"]
    bench.beside(f"hep_rm -a, {name} / scancel --me", ["hep_rm", "-a"], remove, before=fill)


def _clear() -> None:
    """Remove all jobs, and wait until they have left."""
    subprocess.run(["scancel", "--me"], check=True)
    words = ["squeue", "--noheader", "--me"]
    while subprocess.run(words, check=True, capture_output=True).stdout:
        time.sleep(0.5)


def measure(options: argparse.Namespace) -> None:
    """Measure; this runs on the login node, where no job starts meanwhile."""
    print(f"{'':52} {'ours':>9} {'theirs':>9}  ratio")
    Path("bare.py").write_text(BARE)
    Path("safe.py").write_text(SAFE)
    Path("job.sh").write_text(JOB)
    Path("job.sh").chmod(0o755)
    bench = Bench(options.rounds)
    submissions(bench, options.number)
    many(bench, options.number)


def send(options: argparse.Namespace) -> int:
    """Start a Slurm, and let this file measure on its login node."""
    from tests.testbed.chroot import LOGIN_VENV
    from tests.testbed.slurm import NODE, start

    slurm = start(options.suite)
    try:
        slurm.kill_controller()
        slurm.configure(extra=MANY)
        slurm.start_controller()
        slurm.run([*NODE, "state=drain", "reason=benchmark"])
        node = slurm.account("hepalice", "benchmark")
        for name in ("__init__", "commands", "slurm"):
            text = (Path(__file__).parent / f"{name}.py").read_text()
            node.account.write(f"benchmarks/{name}.py", text)
        policy = node.account.write("slurm.toml", POLICY)
        words = ["-m", "benchmarks.slurm", "--here", f"--rounds={options.rounds}"]
        words += [f"--number={options.number}"]
        argv = node.command(
            [f"{LOGIN_VENV}/bin/python", *words], env={"HEPSUB_CONFIG": str(policy)}
        )
        print(f"Slurm {slurm.version}", flush=True)
        return subprocess.run(argv, check=False).returncode
    finally:
        slurm.stop()


def main() -> int:
    """Start a Slurm, and measure there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=9, help="how often each pair is measured")
    parser.add_argument("--number", type=int, default=10_000, help="how many jobs are many")
    parser.add_argument("--suite", default="trixie", help="whose Slurm: bookworm or trixie")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.here:
        return send(options)
    measure(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
