"""Plan → the words of sbatch."""

from __future__ import annotations

import pytest

from hepsub.batch_edit import Edit
from hepsub.errors import NotOnSlurm
from hepsub.slurm.sbatch import edit_words, sbatch_words, variables
from tests.fakes.world import make_policy, make_spec, make_world, plan_for

HPC = """
[pool.hpc]
kind = "slurm"
partition = "normal"
partitions = { short = "quick" }
account = "{group}"
[walltime]
short = { limit = "30min" }
"""
UUID = "e0339dba-f0a8-4ea4-80f9-8134af13c661"


def told(*words: str) -> tuple[str, ...]:
    """What sbatch is told for `hep_sub -p hpc WORDS`."""
    policy = make_policy(HPC)
    plan = plan_for(make_spec("-p", "hpc", *words), policy, make_world())
    return sbatch_words(plan, UUID, policy.pool["hpc"])


def test_a_plain_job() -> None:
    assert told("job.sh", "-wt", "short") == (
        "sbatch", "--parsable", "--hold", "--requeue", "--array=0-0", "--job-name=job.sh", f"--comment=hepsub:{UUID}",
        "--chdir=/work/alice", "--input=none", "--output=/work/alice/job.sh.out.%A.%a",
        "--error=/work/alice/job.sh.err.%A.%a", "--open-mode=truncate", "--nodes=1", "--ntasks=1",
        "--cpus-per-task=1", "--mem=2000M", "--time=30:00", "--partition=quick", "--account=juno",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("-n", "600", "-maxrun", "20"), "--array=0-599%20"),
        (("-mem", "4000"), "--mem=4000M"),
        (("-np", "4"), "--cpus-per-task=4"),
        (("-gpu", "2"), "--gpus=2"),
        (("-prio", "-5"), "--nice=5"),
        (("-disk", "20GB"), "--tmp=20480M"),
        (("-name", "my\x1bjob"), "--job-name=my\\x1bjob"),
        (("-once", "reco-3"), f"--comment=hepsub:{UUID}:reco-3"),
        (("-o", "log.%{Index}"), "--output=/dev/null"),
        (("-wn", "node7"), "--nodelist=node7"),
        (("-notify", "always"), "--mail-type=BEGIN,END,FAIL"),
        ((), "--partition=normal"),
    ],
)
def test_options(words: tuple[str, ...], expected: str) -> None:
    assert expected in told("job.sh", *words)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("-require", "Memory > 1"), "-require"),
        (("-rank", "Memory"), "-append, -attr and -rank"),
        (("-retry", "2"), "-retry"),
        (("-l", "event.log"), "-l"),
    ],
)
def test_what_is_not_there_is_refused_by_its_name(words: tuple[str, ...], what: str) -> None:
    with pytest.raises(NotOnSlurm) as refused:
        told("job.sh", *words)
    assert any(f"leave out {each}" in refused.value.remedy for each in what.split("|"))


def test_a_group_of_worker_nodes_is_nothing_that_slurm_has() -> None:
    with pytest.raises(NotOnSlurm, match="no groups of worker nodes"):
        told("job.sh", "-gwn", "CMS")


def test_what_is_edited() -> None:
    wanted = Edit(memory_mb=3000, cpus=2, priority=-3, walltime=lambda _: ("", 5400))
    assert edit_words(wanted) == (
        "minmemorynode=3000",
        "numcpus=2",
        "cpuspertask=2",
        "nice=3",
        "timelimit=90:00",
    )
    with pytest.raises(NotOnSlurm, match="only lower"):
        edit_words(Edit(priority=1))
    with pytest.raises(NotOnSlurm, match="only lower"):
        told("job.sh", "-prio", "1")


def test_jobs_have_a_path_where_the_user_has_none() -> None:
    policy = make_policy(HPC)
    plan = plan_for(make_spec("-p", "hpc", "job.sh", "-noenv"), policy, make_world())
    assert variables(plan)["PATH"]
