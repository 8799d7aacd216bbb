"""What hep_sub says at once of jobs that no slot can hold, and when it asks the pool."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hepsub.actions.submit.fit import find_misfit
from hepsub.actions.submit.preview import preview
from hepsub.actions.submit.submit import submit
from hepsub.batch_offers import Offer, largest
from hepsub.session import Session
from tests.fakes.batch import FakeSchedd
from tests.fakes.world import (
    make_policy,
    make_script,
    make_session,
    make_situation,
    make_spec,
    make_world,
    plan_for,
)

WIDE = Offer(memory_mb=32000, cpus=64, disk_mb=500_000)
TALL = Offer(memory_mb=256_000, cpus=8, disk_mb=100_000)
GPU = Offer(memory_mb=16000, cpus=8, disk_mb=100_000, gpus=2)


def test_the_largest_of_slots() -> None:
    """What fits into any slot fits into one of these."""
    small = Offer(memory_mb=2000, cpus=1)
    assert set(largest([small, WIDE, TALL, WIDE, GPU, small])) == {WIDE, TALL, GPU}
    assert largest([]) == ()


def session_of(directory: Path, schedd: FakeSchedd, now: float = 1e9) -> Session:
    made = make_session(directory, lambda *_: (schedd,), situation=make_situation(cwd=directory))
    return replace(made, situation=replace(made.situation, now=now))


def said(directory: Path, schedd: FakeSchedd, *words: str, now: float = 1e9) -> str:
    """What is said of `hep_sub job.sh WORDS`; empty for nothing."""
    session = session_of(directory, schedd, now)
    plan = plan_for(make_spec("job.sh", *words), session.policy, make_world())
    misfit = find_misfit(session, schedd, plan)
    return misfit.text("13") if misfit else ""


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("-mem", "256000"), ""),
        (("-np", "64", "-mem", "32000"), ""),
        (("-gpu", "2"), ""),
        (
            ("-mem", "900000"),
            "no slot of the pool local offers 900000 MB of memory (-mem): as it is now, 13 can never start; the most"
            " is 256000 MB of memory; hep_edit -m 256000 13 asks for that, hep_rm 13 gives up",
        ),
        (
            ("-np", "65", "-disk", "600000"),
            "no slot of the pool local offers 65 core(s) (-np) and 600000 MB of disk (-disk): as it is now, 13 can"
            " never start; the most is 64 core(s) and 500000 MB of disk; hep_edit -np 64 -disk 500000 13 asks for"
            " that, hep_rm 13 gives up",
        ),
        (
            ("-gpu", "3"),
            "no slot of the pool local offers 3 GPU(s) (-gpu): as it is now, 13 can never start; the most is 2 GPU(s);"
            " hep_rm 13 gives up",
        ),
        (
            ("-np", "64", "-mem", "64000"),
            "no slot of the pool local offers 64000 MB of memory (-mem) and 64 core(s) (-np) together: as it is now,"
            " 13 can never start; there are 256000 MB of memory with 8 core(s), 32000 MB of memory with 64 core(s),"
            " 16000 MB of memory with 8 core(s)",
        ),
    ],
)
def test_what_no_slot_offers(tmp_path: Path, words: tuple[str, ...], text: str) -> None:
    """What it has instead, and what to type; nothing of what fits."""
    assert said(tmp_path, FakeSchedd(offered=(TALL, WIDE, GPU)), *words) == text


def test_an_answer_is_kept_for_a_day(tmp_path: Path) -> None:
    """What fits is not asked about again; what does not is, unless it was just now. The journal's clock decides."""
    schedd = FakeSchedd(offered=(WIDE,))
    assert not said(tmp_path, schedd, "-mem", "32000")
    assert not said(tmp_path, schedd, "-mem", "16000", now=1e9 + 80_000)
    assert schedd.calls == ["offers 2"]
    assert said(tmp_path, schedd, "-mem", "64000", now=1e9 + 80_000)
    assert said(tmp_path, schedd, "-mem", "64000", now=1e9 + 80_500)
    assert schedd.calls == ["offers 2"] * 2
    schedd.offered = (TALL,)
    assert not said(tmp_path, schedd, "-mem", "64000", now=1e9 + 81_000)
    assert not said(tmp_path, schedd, "-mem", "1000", now=1e9 + 200_000)
    assert schedd.calls == ["offers 2"] * 4


def test_a_pool_that_does_not_answer_is_left_alone(tmp_path: Path) -> None:
    """Nothing is said, and for ten minutes nobody waits for it again."""
    schedd = FakeSchedd(offered=None)
    for _ in range(3):
        assert not said(tmp_path, schedd, "-mem", "900000")
    assert schedd.calls == ["offers 2"]
    assert not said(tmp_path, schedd, "-mem", "900000", now=1e9 + 601)
    assert schedd.calls == ["offers 2"] * 2


def test_another_partition_of_slurm_has_other_nodes(tmp_path: Path) -> None:
    """By the walltime class, as the policy has it, or by a line of the script."""
    schedd = FakeSchedd(pool="hpc", offered=(GPU,))
    policy = make_policy('[pool.hpc]\nkind = "slurm"\npartitions = { short = "quick" }\n')
    session = replace(session_of(tmp_path, schedd), policy=policy)
    spec = make_spec("job.sh", "-p", "hpc", "-gpu", "1")
    usual, quick = (
        plan_for(
            replace(spec, resources=replace(spec.resources, walltime=each)), policy, make_world()
        )
        for each in ("mid", "short")
    )
    asked = []
    for plan in (
        usual,
        quick,
        usual,
        replace(usual, slurm={"partition": "vip"}),
        replace(usual, slurm={"partition": "quick"}),
    ):
        find_misfit(session, schedd, plan)
        asked.append(len(schedd.calls))
    assert asked == [1, 2, 2, 3, 3]


def test_other_requirements_have_other_slots(tmp_path: Path) -> None:
    """An answer for the whole pool says nothing of its one node."""
    schedd = FakeSchedd(offered=(WIDE,))
    said(tmp_path, schedd, "-mem", "3000")
    said(tmp_path, schedd, "-mem", "3000", "-wn", "node7")
    assert schedd.calls == ["offers 2"] * 2


@pytest.mark.parametrize("kept", [b"", b"{", b'{"local": 1}', b"\xff" * 2**21])
def test_an_answer_that_cannot_be_read_is_none(tmp_path: Path, kept: bytes) -> None:
    schedd = FakeSchedd(offered=(WIDE,))
    session_of(tmp_path, schedd).paths.offers.write_bytes(kept)
    assert said(tmp_path, schedd, "-mem", "900000")


@pytest.mark.parametrize(
    ("words", "asks"),
    [((), False), (("-mem", "2000"), False), (("-mem", "2001"), True), (("-np", "2"), True)],
)
def test_nobody_is_asked_about_what_is_usual(
    tmp_path: Path, words: tuple[str, ...], asks: bool
) -> None:
    """The defaults of the policy fit everywhere; and a pool that is away does not stop a submission."""
    schedd = FakeSchedd(offered=None)
    make_script(tmp_path)
    result = submit(session_of(tmp_path, schedd), make_spec("job.sh", *words))
    assert ("offers 2" in schedd.calls) is asks
    assert not result.exit_code
    assert not result.notes


def test_it_is_said_with_the_submission_and_before_it(tmp_path: Path) -> None:
    """The cluster's number in the command; -dry-run has none."""
    schedd = FakeSchedd(offered=(WIDE,))
    make_script(tmp_path)
    spec, session = make_spec("job.sh", "-mem", "64000"), session_of(tmp_path, schedd)
    assert any(
        "the jobs could never start; the most is 32000" in note
        for note in preview(session, spec).notes
    )
    notes = submit(session, spec).notes
    assert any("hep_edit -m 32000 13 asks for that" in note for note in notes), notes
