"""Plan → the batch script: what a job of Slurm's starts, by a shell that really runs it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hepsub.errors import NotOnSlurm
from hepsub.jobid import Again
from hepsub.plan.model import Plan
from hepsub.plan.template import parse_template
from hepsub.slurm.sbatch import slip_of
from hepsub.slurm.script import log_patterns, script
from tests.fakes.world import make_policy, make_spec, make_world, plan_for

HPC = '[pool.hpc]\nkind = "slurm"\n'
UUID = "e0339dba-f0a8-4ea4-80f9-8134af13c661"
SHOW = """#!/bin/sh
printf '%s\\n' "$0" "$_CONDOR_IHEP_JOB_ID" "$#" "$@"
[ "$cluster,$proc,$index,$began,$code" = mine,mine,mine,mine,mine ] || exit 99
[ "$1" != fail ] || exit 7
[ "$1" != die ] || kill -TERM $$
[ "$1" != variables ] || printf '%s|%s' "$RUN" "$OF" >"${0%/*}/variables"
"""


def planned(*words: str, items: tuple[str, ...] = (), policy: str = HPC) -> Plan:
    """The plan of `hep_sub -p hpc WORDS`."""
    spec = make_spec("-p", "hpc", *words)
    plan = plan_for(spec, make_policy(policy), make_world())
    return plan if not items else plan_with(plan, items)


def plan_with(plan: Plan, items: tuple[str, ...]) -> Plan:
    """The same with a list."""
    from msgspec.structs import replace

    return replace(plan, items=items, number=len(items))


def run(plan: Plan, directory: Path, proc: int) -> tuple[int, list[str], str]:
    """What a job does: its exit code, the lines of its program, and what it notes of its end."""
    from msgspec.structs import replace

    program = directory / "show.sh"
    program.write_text(SHOW)
    program.chmod(0o755)
    ends = directory / "the ends'"
    ends.mkdir(exist_ok=True)
    plan = replace(
        plan,
        directory=plan.directory if "gone" in plan.directory else str(directory),
        executable=parse_template(str(program)),
        stdout=parse_template(str(directory / "out")),
        stderr=parse_template(str(directory / "err")),
    )
    done = subprocess.run(
        ["sh", "-c", script(plan, UUID, str(ends), "/tmp")],
        env={
            "PATH": os.environ["PATH"],
            "SLURM_ARRAY_JOB_ID": "4711",
            "SLURM_ARRAY_TASK_ID": str(proc),
            "SLURMD_NODENAME": "hpc01",
            **dict.fromkeys(("cluster", "proc", "index", "began", "code"), "mine"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr in ("", "Terminated\n")  # the shell says what ended the program
    note = (ends / str(proc)).read_text()
    return done.returncode, done.stdout.splitlines()[1:], note


@pytest.mark.parametrize(
    ("words", "proc", "expected"),
    [
        (("job.sh",), 0, ["4711.0", "0"]),
        (("job.sh", "-n", "3", "-argu", "%{ProcId}", "a b"), 2, ["4711.2", "3", "2", "a", "b"]),
        (("job.sh", "-argu", "'$x' `y` \"z\" \\"), 0, ["4711.0", "4", "'$x'", "`y`", '"z"', "\\"]),
        (
            ("job.sh", "-n", "2", "-first", "5", "-argu", "x%{Index}_%{ClusterId}y"),
            1,
            ["4711.1", "1", "x6_4711y"],
        ),
        (("job.sh", "-argu", "50%"), 0, ["4711.0", "1", "50%"]),
    ],
)
def test_the_program_gets_its_words(
    tmp_path: Path, words: tuple[str, ...], proc: int, expected: list[str]
) -> None:
    code, lines, note = run(planned(*words), tmp_path, proc)
    assert (code, lines) == (0, expected)
    end = note.split()
    assert (end[0], end[3]) == ("0", "hpc01")
    assert int(end[1]) <= int(end[2])


def test_items_are_words_that_no_shell_reads(tmp_path: Path) -> None:
    items = ("a b", "$(touch hacked) 'x'", 'q"\n;exit 3')
    plan = planned("job.sh", "-list", "runs.txt", "-argu", "%{item}", items=items)
    for proc, item in enumerate(items):
        code, lines, _ = run(plan, tmp_path, proc)
        assert code == 0
        assert "\n".join(lines) == f"4711.{proc}\n1\n{item}"
    assert not (tmp_path / "hacked").exists()


def test_jobs_that_run_again_keep_their_names(tmp_path: Path) -> None:
    from msgspec.structs import replace

    plan = planned("job.sh", "-n", "2", "-argu", "%{ProcId}")
    plan = replace(plan, again=Again(uuid=UUID, cluster=13, procs=(3, 17)))
    assert run(plan, tmp_path, 1)[1] == ["13.17", "1", "17"]


def test_variables_with_names_in_them(tmp_path: Path) -> None:
    words = ("job.sh", "-n", "2", "-env", "RUN=r%{ProcId} $x", "-env", "OF=%{ClusterId}", "-argu")
    code, _, _ = run(planned(*words, "variables"), tmp_path, 1)
    assert code == 0
    assert (tmp_path / "variables").read_text() == "r1 $x|4711"


@pytest.mark.parametrize(("word", "code"), [("fail", 7), ("die", 143)])
def test_the_end_is_noted_and_handed_on(tmp_path: Path, word: str, code: int) -> None:
    returned, _, note = run(planned("job.sh", "-argu", word), tmp_path, 0)
    assert (returned, note.split()[0]) == (code, str(code))


def test_a_job_without_a_place_for_its_note_runs_all_the_same(tmp_path: Path) -> None:
    from msgspec.structs import replace

    plan = replace(planned("/bin/true"), directory=str(tmp_path))
    done = subprocess.run(
        ["sh", "-c", script(plan, UUID, str(tmp_path / "nowhere"), "/tmp")],
        env={"PATH": os.environ["PATH"], "SLURM_ARRAY_TASK_ID": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("", 0), done.stderr


def test_nothing_starts_where_the_directory_is_not(tmp_path: Path) -> None:
    """Slurm itself goes on in /tmp (slurmstepd)."""
    from msgspec.structs import replace

    plan = replace(planned("job.sh"), directory=str(tmp_path / "gone"))
    code, lines, note = run(plan, tmp_path, 0)
    assert (code, lines, note.split()[4]) == (73, [], "directory")


def test_nothing_starts_where_the_bundle_is_not(tmp_path: Path) -> None:
    code, lines, note = run(planned("job.sh", "-env", "API_TOKEN=s3cret"), tmp_path, 0)
    assert (code, lines, note.split()[4]) == (73, [], "bundle")


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("/work/alice/log/job.out.%{ClusterId}.%{ProcId}", "/work/alice/log/job.out.%A.%a"),
        ("/work/alice/log/50%.%{ProcId}", ""),
        ("/work/alice/log/a\\b", ""),
        ("/work/alice/log/%{Index}", ""),
        ("/work/alice/log/plain name", "/work/alice/log/plain name"),
    ],
)
def test_logs_that_sbatch_can_name(name: str, pattern: str) -> None:
    plan = planned("job.sh", "-o", name, "-e", name)
    assert log_patterns(plan) == (pattern, pattern)


def test_logs_of_jobs_that_run_again_have_their_first_names() -> None:
    """The new indexes would write over the logs of jobs that succeeded."""
    from msgspec.structs import replace

    words = ("job.sh", "-o", "/work/alice/log/log.%{ProcId}", "-e", "/work/alice/log/log.%{ProcId}")
    plan = replace(planned(*words, "-n", "2"), again=Again(uuid=UUID, cluster=7, procs=(3, 5)))
    assert not all(log_patterns(plan))
    assert "exec >/work/alice/log/log.5 2>&1" in script(plan, UUID, "/ends", "/tmp")
    assert slip_of(plan, UUID, "hpc", 0).logs == (
        ("/work/alice/log/log.3",) * 2,
        ("/work/alice/log/log.5",) * 2,
    )


@pytest.mark.parametrize(
    ("mode", "kept"),
    [
        ({}, ""),
        ({"open-mode": "truncate"}, ""),
        ({"open-mode": "append"}, "earlier\n"),
        ({"open-mode": "A"}, "earlier\n"),
    ],
)
def test_logs_that_the_script_opens_are_appended_to_where_their_user_says_so(
    mode: dict[str, str | None], kept: str, tmp_path: Path
) -> None:
    from msgspec.structs import replace

    (tmp_path / "log.x").write_text("earlier\n")
    plan = replace(
        planned("job.sh"),
        slurm=mode,
        items=("x",),
        arguments=(parse_template("%{item}"),),
        directory=str(tmp_path),
        executable=parse_template("/bin/echo"),
        stdout=parse_template(f"{tmp_path}/log.%{{item}}"),
        stderr=parse_template(f"{tmp_path}/log.%{{item}}"),
    )
    subprocess.run(
        ["sh", "-c", script(plan, UUID, str(tmp_path / "ends"), "/tmp")],
        env={"PATH": os.environ["PATH"], "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "0"},
        check=True,
    )
    assert (tmp_path / "log.x").read_text() == f"{kept}x\n"


def test_more_than_slurm_takes_is_refused() -> None:
    items = tuple("x" * 5000 for _ in range(900))
    plan = planned("job.sh", "-list", "runs.txt", "-argu", "%{item}", items=items)
    with pytest.raises(NotOnSlurm, match="4 MB"):
        script(plan, UUID, "/ends", "/tmp")
