"""What sbatch answers: a cluster, a refusal of which nothing is kept, or nothing that hepsub understands."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.batch import Selection, Submitted
from hepsub.errors import PoolError, SubmissionRefused, SubmissionUncertain
from hepsub.jobid import JobId
from hepsub.slurm.batch import SlurmBatch
from hepsub.slurm.slips import Slips
from tests.fakes.programs import Programs
from tests.fakes.world import make_policy, make_spec, make_world, plan_for
from tests.unit.slurm.test_rows import one
from tests.unit.slurm.test_sbatch import HPC, UUID

TOO_MANY = (
    "echo 'sbatch: error: Batch job submission failed: Invalid job array specification' >&2; exit 1"
)
"""As Slurm 24.11 says it."""


@pytest.fixture
def batch(tmp_path: Path) -> SlurmBatch:
    """Give a Slurm whose programs are the test's."""
    rules = make_policy(HPC).pool["hpc"]
    slips = Slips(directory=tmp_path / "slurm")
    return SlurmBatch(pool="hpc", rules=rules, host="login", user="alice", slips=slips, now=2e9)


def submitted(batch: SlurmBatch, *words: str) -> Submitted:
    """Submit one job."""
    plan = plan_for(make_spec("-p", "hpc", "job.sh", *words), make_policy(HPC), make_world())
    return batch.submit(plan, UUID)


def submit(batch: SlurmBatch) -> int:
    """Submit one job, and give its cluster."""
    return submitted(batch).ref.cluster


@pytest.mark.parametrize("answer", ["4711", "4711;hpc"])
def test_a_submission_is_kept_with_its_cluster(
    batch: SlurmBatch, programs: Programs, answer: str
) -> None:
    programs.add("sbatch", f"echo '{answer}'")
    assert submit(batch) == 4711
    assert [each.cluster for each in batch.slips.all()] == [4711]
    assert batch.slips.waiting() == (UUID,)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("MaxArraySize            = 1001", "MaxArraySize is 1001"),
        ("x", "MaxArraySize is not known"),
    ],
)
def test_of_a_refused_submission_nothing_is_kept(
    batch: SlurmBatch, programs: Programs, config: str, said: str
) -> None:
    programs.add("sbatch", TOO_MANY)
    programs.add("scontrol", f'[ "$*" = "show config" ] && echo "{config}"')
    with pytest.raises(SubmissionRefused, match=said):
        submit(batch)
    assert (list(batch.slips.all()), batch.slips.waiting()) == ([], ())


def test_an_answer_without_a_cluster_is_quoted_and_may_be_a_submission(
    batch: SlurmBatch, programs: Programs
) -> None:
    """What is kept stays: the next command looks whether there are such jobs."""
    programs.add("sbatch", "echo 'Submitted batch job 4711'")
    with pytest.raises(PoolError, match=r"'Submitted batch job 4711.n' instead of a job id"):
        submit(batch)
    assert batch.slips.waiting() == (UUID,)


def test_an_sbatch_that_a_signal_ends_may_have_submitted(
    batch: SlurmBatch, programs: Programs
) -> None:
    """The terminal gives it Ctrl-C, too."""
    programs.add("sbatch", "kill -INT $$")
    with pytest.raises(SubmissionUncertain, match="ended by the signal 2"):
        submit(batch)
    assert batch.slips.waiting() == (UUID,)


def test_names_of_logs_are_kept_as_their_user_wrote_them(
    batch: SlurmBatch, programs: Programs
) -> None:
    programs.add("sbatch", "echo 4711")
    submitted(batch, "-o", "50%.%a.%{ClusterId}", "-e", "e.%{Index}")
    (kept,) = batch.slips.all()
    assert kept.logs_of(0) == ("/work/alice/50%.%a.4711", "/work/alice/e.0")


def test_a_cluster_is_whose_the_queue_says(
    batch: SlurmBatch, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Slurm that lost its state gives ids once more: what is kept of the first one is not this one's."""
    programs.add("sbatch", "echo 4711")
    submit(batch)
    selection = Selection(ids=(JobId(cluster=4711),))
    other = one(ArrayJobID="4711", JobID="4711", Comment="", UserName="alice")
    for rows, uuid in (([], UUID), ([other], "")):
        monkeypatch.setattr("hepsub.slurm.jobs.rows_of", lambda *_, rows=rows, **__: iter(rows))
        assert [each.uuid for each in batch.find(selection)] == [uuid]
    places = batch.log_places(JobId(cluster=4711, first=0, last=0))
    assert places is not None
    assert (places.stdout, places.queued) == ("", True)


@pytest.mark.parametrize(("disk", "asked"), [(0, False), (9000, True)])
def test_disk_is_asked_for_where_a_node_tells_of_it(
    batch: SlurmBatch, programs: Programs, disk: int, *, asked: bool
) -> None:
    programs.add("sbatch", "echo 4711")
    programs.add("sinfo", f"echo '8|16000|0|(null)'; echo '8|16000|{disk}|(null)'")
    notes = submitted(batch, "-disk", "1GB").notes
    assert ("--tmp=1024M" in programs.words("sbatch"), not notes) == (asked, asked)
    assert "--partition=normal" in programs.words("sinfo")


def test_an_empty_queue_is_counted(batch: SlurmBatch, programs: Programs) -> None:
    programs.add("squeue", "exit 0")
    assert not batch.count(Selection()).states
