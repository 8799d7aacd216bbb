"""Where scripts with `#SBATCH` lines go, and what is said of it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from hepsub.actions.submit.preview import preview
from hepsub.actions.submit.result import Preview
from hepsub.actions.submit.sbatch_lines import with_sbatch_lines
from hepsub.errors import UsageError
from hepsub.job import JobSpec
from hepsub.plan.draft import Reading
from tests.fakes.batch import FakeSchedd
from tests.fakes.world import as_json, make_policy, make_session, make_spec

SLURM = '[pool.main]\n[pool.hpc]\nkind = "slurm"\n'
LINES = f'{SLURM}[defaults]\nsbatch_lines = "hpc"\n'
SLURM_FIRST = f'{SLURM}[defaults]\npool = "hpc"\n'
COMMENTS = (
    "job.sh has #SBATCH lines, which are comments in the pool local: -slurm submits to Slurm",
)


def script(directory: Path, name: str, lines: str = "#SBATCH -p gpu") -> None:
    """Write a script that can be started."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{lines}\ntrue\n")
    path.chmod(0o755)


def lined(
    directory: Path, policy: str, *words: str
) -> tuple[JobSpec, Reading | None, tuple[str, ...]]:
    """What is asked for by these words."""
    session = make_session(directory, lambda *_: (FakeSchedd(),), policy=make_policy(policy))
    return with_sbatch_lines(session, cache(session.open_stores), make_spec(*words))


@pytest.mark.parametrize(
    ("policy", "words", "pool", "decided", "notes"),
    [
        (LINES, "job.sh", "hpc", True, ()),
        (LINES, "-slurm job.sh", "hpc", False, ()),
        (LINES, "-p hpc job.sh", "hpc", False, ()),
        (SLURM, "-p hpc job.sh", "hpc", False, ()),
        (SLURM_FIRST, "job.sh", "hpc", False, ()),
        (SLURM_FIRST, "-p main job.sh", None, None, ()),
        (LINES, "-p main job.sh", None, None, ()),
        (LINES, "-schedd s job.sh", None, None, COMMENTS),
        (LINES, "-site far job.sh", None, None, COMMENTS),
        (LINES, "-rmt job.sh", None, None, COMMENTS),
        (LINES, "-gwn CMS job.sh", None, None, COMMENTS),
        (SLURM, "job.sh", None, None, COMMENTS),
        (LINES, "plain.sh", None, None, ()),
        (LINES, "missing.sh", None, None, ()),
    ],
)
def test_which_pool(
    tmp_path: Path,
    policy: str,
    words: str,
    pool: str | None,
    decided: bool | None,
    notes: tuple[str, ...],
) -> None:
    script(tmp_path, "job.sh")
    script(tmp_path, "plain.sh", "# no lines")
    spec, _, told = lined(tmp_path, policy, *words.split())
    assert (spec.slurm.decided if spec.slurm else None) is decided
    assert told == notes
    if pool is not None:
        assert spec.placement.pool == pool


def test_scripts_of_one_submission_ask_for_the_same(tmp_path: Path) -> None:
    for number in range(3):
        script(tmp_path, f"run-{number}.sh", "#SBATCH -p gpu -n1")
    words = ("run-%{ProcId}.sh", "-n", "3")
    assert lined(tmp_path, LINES, *words)[0].slurm
    script(tmp_path, "run-2.sh", "#SBATCH -p cpu -n1")
    with pytest.raises(UsageError, match=r"run-2\.sh has other #SBATCH lines"):
        lined(tmp_path, LINES, *words)


def test_scripts_of_an_array_and_of_a_list(tmp_path: Path) -> None:
    """Both say how many there are."""
    script(tmp_path, "run-0.sh", "#SBATCH -a 0-1")
    script(tmp_path, "run-1.sh")
    with pytest.raises(UsageError, match=r"run-1\.sh has other #SBATCH lines"):
        lined(tmp_path, LINES, "run-%{ProcId}.sh")
    (tmp_path / "scripts.txt").write_text("run-1.sh\n")
    spec, known, _ = lined(tmp_path, LINES, "-list", "scripts.txt", "%{item}")
    assert spec.slurm
    assert spec.slurm.counted == ("--partition=gpu",)
    assert known
    assert known.items == ("run-1.sh",)
    (tmp_path / "scripts.txt").write_text("a\nb\n")
    with pytest.raises(UsageError, match=r"run-1\.sh has other #SBATCH lines"):
        lined(tmp_path, LINES, "-list", "scripts.txt", "run-%{ProcId}.sh")


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    script(tmp_path, "job.sh", "#SBATCH -D nowhere")
    with pytest.raises(UsageError, match="nowhere is no directory"):
        lined(tmp_path, LINES, "job.sh")


def test_a_dry_run_says_it_once(tmp_path: Path) -> None:
    script(tmp_path, "job.sh")
    session = make_session(tmp_path, lambda *_: (FakeSchedd(),), policy=make_policy(LINES))
    result = preview(session, make_spec("job.sh"))
    assert isinstance(result.value, Preview)
    assert sum("#SBATCH" in note for note in result.notes) == 1
    resources = as_json(result.value)["resources"]
    assert resources["left_to_slurm"] == ["memory_mb", "walltime_s"]
    said = preview(session, make_spec("job.sh", "-mem", "300", "-wt", "short"))
    assert as_json(said.value)["resources"]["left_to_slurm"] == []
