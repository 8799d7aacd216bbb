"""Slurm as the seam shows it: what sbatch answers, what is kept of it, what is asked and done of jobs."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.batch import Act, Selection, State, Submitted
from hepsub.batch_edit import Edit
from hepsub.batch_offers import Offer
from hepsub.errors import (
    NotDone,
    NotOnSlurm,
    PoolError,
    ScheddNotReached,
    SubmissionRefused,
    SubmissionUncertain,
    ToolFailed,
)
from hepsub.jobid import JobId
from hepsub.slurm.batch import SlurmBatch
from hepsub.slurm.slips import Slips
from tests.fakes.programs import Programs
from tests.fakes.slurm import FakeSlurm
from tests.fakes.world import make_policy, make_spec, make_world, plan_for
from tests.unit.slurm.test_enclosed import OUT, planned
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


OWN = {"Comment": f"hepsub:{UUID}"}
CLUSTER = JobId(cluster=4711)


@pytest.fixture
def slurm(programs: Programs) -> FakeSlurm:
    """Give a Slurm that takes jobs, and does all it is told."""
    programs.add("sbatch", "echo 4711")
    return FakeSlurm(programs)


def test_of_a_submission_that_sbatch_never_heard_of_nothing_is_kept(
    batch: SlurmBatch, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(programs.directory))
    with pytest.raises(ScheddNotReached):
        submit(batch)
    assert (list(batch.slips.all()), batch.slips.waiting()) == ([], ())


def test_what_cannot_be_kept_is_not_submitted(
    batch: SlurmBatch, programs: Programs, slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, say; and nothing is left of it, which nobody would remove."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hepsub.slurm.slips.write_whole", full)
    with pytest.raises(SubmissionRefused, match="No space left on device"):
        submit(batch)
    assert not programs.was_called("sbatch")
    assert list(batch.slips.directory.iterdir()) == []


def test_jobs_whose_files_cannot_be_read_are_not_submitted(
    batch: SlurmBatch, programs: Programs, slurm: FakeSlurm
) -> None:
    with pytest.raises(SubmissionRefused, match="what travels with the jobs cannot be read"):
        batch.submit(planned("job.sh", *OUT), UUID)
    assert not programs.was_called("sbatch")
    assert batch.slips.waiting() == ()


def test_a_node_is_asked_for_by_slurms_name(
    batch: SlurmBatch, programs: Programs, slurm: FakeSlurm
) -> None:
    programs.add("sinfo", "echo hpc01; echo hpc02.example.org")
    submitted(batch, "-wn", "HPC02")
    assert "--nodelist=hpc02.example.org" in programs.words("sbatch")


def test_all_kinds_of_nodes_are_looked_at(
    batch: SlurmBatch, programs: Programs, slurm: FakeSlurm
) -> None:
    """One with little memory may be the only one with a disk, or with so many cores."""
    large = "".join(f"echo '8|{64000 + kind}|0|(null)'; " for kind in range(30))
    programs.add("sinfo", f"{large} echo '128|16000|9000|(null)'")
    plan = plan_for(make_spec("-p", "hpc", "job.sh"), make_policy(HPC), make_world())
    assert batch.offers(plan, 10) == (
        Offer(memory_mb=64_029, cpus=8, disk_mb=1 << 30),
        Offer(memory_mb=16_000, cpus=128, disk_mb=9000),
    )
    assert submitted(batch, "-disk", "1GB").notes == ()


@pytest.mark.parametrize(
    ("code", "reason", "opened"),
    [(0, "JobHeldUser", True), (1, "ReqNodeNotAvail", True), (1, "JobHeldUser", False)],
)
def test_jobs_are_released_when_none_is_on_hold(
    batch: SlurmBatch, slurm: FakeSlurm, code: int, reason: str, *, opened: bool
) -> None:
    """What scontrol says of jobs that no node can run now is no refusal."""
    submit(batch)
    slurm.show(_0=OWN | {"Reason": reason})
    slurm.answer("scontrol", "slurm_update error: Requested nodes are busy", code=code)
    if opened:
        batch.open_gate(4711, factory=False)
    else:
        with pytest.raises(ToolFailed, match="Requested nodes are busy"):
            batch.open_gate(4711, factory=False)
    assert slurm.calls("scontrol") == ["release 4711"]
    assert batch.slips.waiting() == (() if opened else (UUID,))


@pytest.mark.parametrize(
    ("selection", "pool", "cancelled"),
    [
        (Selection(ids=(CLUSTER,)), "hpc", True),
        (Selection(owner="alice"), "hpc", True),
        (Selection(uuid=UUID), "hpc", True),
        (Selection(ids=(JobId(cluster=4711, first=1, last=2),)), "hpc", False),
        (Selection(owner="alice"), "other", False),
        (Selection(owner="bob"), "hpc", False),
    ],
)
def test_a_submission_that_waits_is_taken_back_where_all_its_jobs_are_removed(
    batch: SlurmBatch, slurm: FakeSlurm, selection: Selection, pool: str, *, cancelled: bool
) -> None:
    """The next hep_sub releases the jobs of one that was interrupted, but for those that are taken back."""
    submitted(batch, "-n", "3")
    replace(batch, pool=pool).act(Act.REMOVE, selection)
    assert batch.slips.is_cancelled(UUID) is cancelled


def test_jobs_of_an_interrupted_submission_are_not_released(
    batch: SlurmBatch, slurm: FakeSlurm
) -> None:
    submit(batch)
    slurm.show(_0=OWN | {"Reason": "JobHeldUser"})
    with pytest.raises(NotDone, match="4711: its submission was interrupted"):
        batch.act(Act.RELEASE, Selection(ids=(CLUSTER,)))
    assert slurm.calls("scontrol") == []
    batch.slips.open(UUID)
    assert batch.act(Act.RELEASE, Selection(ids=(CLUSTER,))).done == 1


def test_removed_jobs_are_told_of_when_slurm_has_forgotten_them(
    batch: SlurmBatch, slurm: FakeSlurm
) -> None:
    """But for one that was ending by itself, and notes that."""
    submitted(batch, "-n", "3")
    slurm.show(_0=OWN, _1=OWN | {"State": "COMPLETING"}, _2=OWN | {"State": "RUNNING"})
    assert batch.act(Act.REMOVE, Selection(ids=(CLUSTER,))).done == 3
    slurm.show()
    found = batch.history(Selection(ids=(CLUSTER,)), 10)
    assert [(job.proc, job.state, job.remove_reason) for job in found] == [
        (0, State.REMOVED, "by hep_rm"),
        (2, State.REMOVED, "by hep_rm"),
    ]


def test_jobs_that_are_changed(batch: SlurmBatch, slurm: FakeSlurm) -> None:
    slurm.show(**{"_0-9": OWN, "_10": OWN | {"State": "RUNNING"}})
    only = Selection(ids=(CLUSTER,), states=(State.IDLE, State.HELD))
    batch.edit(None, Edit(memory_mb=3000))
    batch.edit(only, Edit(memory_mb=3000, priority=-5))
    assert slurm.calls("scontrol") == ["update jobid=4711_[0-9] minmemorynode=3000 nice=5"]
    with pytest.raises(NotOnSlurm):
        batch.edit(only, Edit(priority=5))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"Reason": "Priority"}, "idle: jobs with a higher priority go first"),
        ({"State": "RUNNING", "Reason": "None"}, "it has started, or left the queue"),
        ({"State": "COMPLETED", "Reason": "None"}, "it has started, or left the queue"),
    ],
)
def test_why_a_job_is_where_it_is(
    batch: SlurmBatch, slurm: FakeSlurm, said: dict[str, str], sentence: str
) -> None:
    slurm.show(_3=OWN)
    (job,) = batch.queue(Selection(ids=(CLUSTER,)), 0).jobs
    slurm.show(_3=OWN | said)
    assert batch.explain(job, "4711.3", 0).sentence.startswith(sentence)


def test_logs_of_a_job_that_has_ended_are_its_own(batch: SlurmBatch, slurm: FakeSlurm) -> None:
    """An sbatch's job may have the id of one of hepsub's, in a Slurm that lost its state."""
    submit(batch)
    first = JobId(cluster=4711, first=0, last=0)
    ended = {"State": "COMPLETED", "EndTime": "1999999999"}
    for more, stdout in ((OWN, "/work/alice/job.sh.out.4711.0"), ({}, "")):
        slurm.show(_0=ended | more | {"SubmitTime": "1900000000"})
        places = batch.log_places(first)
        assert places is not None
        assert (places.stdout, places.queued) == (stdout, False)
