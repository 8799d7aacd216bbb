"""Why an HTCondor job is idle or on hold, in words."""

from __future__ import annotations

from typing import Any, NoReturn

import classad2
import pytest

from hepsub.batch import Advice, State
from hepsub.condor.explain import explain_held, explain_idle
from tests.fakes.batch import make_job
from tests.fakes.world import NOON

REQUIREMENTS = (
    '(TARGET.Arch == "X86_64") && (TARGET.Memory >= RequestMemory) && (TARGET.Cpus >= RequestCpus)'
)


def ad(requirements: str = REQUIREMENTS, **attributes: Any) -> Any:
    """A job's ClassAd that asks for 3000 MB and 1 core."""
    found = classad2.ClassAd({"RequestMemory": 3000, "RequestCpus": 1, **attributes})
    found["Requirements"] = classad2.ExprTree(requirements)
    return found


def slot(**attributes: Any) -> Any:
    """An empty slot with 8 cores and 16000 MB."""
    return classad2.ClassAd(
        {
            "Arch": "X86_64",
            "Memory": 16000,
            "Cpus": 8,
            "TotalSlotMemory": 16000,
            "TotalSlotCpus": 8,
            **attributes,
        }
    )


def idle(job_ad: Any, *slots: Any, waited: float = 3600) -> Advice:
    """Why 13.0 waits in a pool of these slots."""
    return explain_idle(make_job(submitted=NOON - waited), job_ad, lambda: slots, "13.0", NOON)


def test_a_pool_without_machines() -> None:
    """Nothing can be done but wait."""
    assert idle(ad()).sentence == "the pool has no worker node at the moment"


def test_a_job_that_can_never_start() -> None:
    """The requirement that nobody meets is named first, with the largest value that somebody has."""
    found = idle(ad(RequestMemory=99000), slot(), slot(TotalSlotMemory=64000))
    assert found.sentence == (
        "no machine of the pool offers 99000 MB of memory: as it is, it can never start"
    )
    assert found.details[0] == "0 of 2 slots offer 99000 MB of memory"
    assert "hep_edit -m 64000 13.0" in found.next_command


def test_all_that_hep_edit_can_change_is_proposed_together() -> None:
    """Memory and cores; not where something else is missing, too."""
    found = idle(ad(RequestMemory=99000, RequestCpus=99), slot(TotalSlotCpus=16))
    assert found.next_command.startswith("hep_edit -m 16000 -np 16 13.0 (the largest machine's)")
    found = idle(
        ad('TARGET.Cpus >= RequestCpus && TARGET.Machine == "bws99"', RequestCpus=99), slot()
    )
    assert found.next_command == "hep_rm 13.0, and submit it with other options"


def test_a_job_for_a_machine_that_is_not_there() -> None:
    """Memory is not to blame, so another submission is the advice."""
    found = idle(ad('TARGET.Machine == "bws99"'), slot())
    assert found.sentence == (
        "no machine of the pool offers the worker node bws99: as it is, it can never start"
    )
    assert found.next_command == "hep_rm 13.0, and submit it with other options"


def test_requirements_that_are_never_met_together() -> None:
    """The rarest is named."""
    found = idle(
        ad(RequestMemory=20000, RequestCpus=8),
        slot(),
        slot(),
        slot(TotalSlotMemory=64000, TotalSlotCpus=4),
    )
    assert found.sentence == (
        "each of its requirements is met somewhere, but no machine meets them all; the rarest is 20000 MB of memory"
    )


def test_a_job_that_was_just_submitted() -> None:
    """The pool looks for machines once a minute: no reason to worry."""
    found = idle(ad(), slot(), waited=20)
    assert found == Advice(
        sentence="it was submitted 20 s ago; 1 slot(s) could run it",
        details=(
            "1 of 1 slots offer the processor type X86_64",
            "1 of 1 slots offer 3000 MB of memory",
            "1 of 1 slots offer 1 cores",
        ),
    )


@pytest.mark.parametrize(
    ("slots", "sentence"),
    [
        (
            (slot(Memory=0), slot(Cpus=0)),
            "2 slot(s) could run it, but all of them are busy now",
        ),
        (
            (slot(Memory=0), slot()),
            "1 slot(s) could run it now; it waits for its turn (other users or your other jobs go first)",
        ),
    ],
)
def test_a_job_that_could_run(slots: tuple[Any, ...], sentence: str) -> None:
    """Busy machines, or other people's turn."""
    assert idle(ad(), *slots).sentence == sentence


def test_a_job_at_a_remote_site_that_is_there() -> None:
    """HTCondor looks for GLIDEIN_Site in the slot, although nobody wrote TARGET."""
    found = idle(ad('(GLIDEIN_Site == "far")'), slot(), slot(GLIDEIN_Site="far"))
    assert found.details == ("1 of 2 slots offer a machine at the remote site far",)
    assert "can never start" not in found.sentence


def never() -> NoReturn:
    """Slots that must not be asked for."""
    raise AssertionError("the collector was asked")


def test_a_job_that_has_just_left_asks_nobody() -> None:
    """Between the listing and the look the ad may go."""
    assert explain_idle(make_job(), None, never, "13.0", NOON) == Advice(
        sentence="it has just left the queue, or started"
    )


def test_a_job_behind_its_gate_is_being_prepared() -> None:
    """Its bundle is not complete: the pool has nothing to do with it."""
    found = explain_idle(make_job(), ad(HepSub_Ready=False), never, "13", NOON)
    assert found.sentence == "it is being prepared: its bundle is not complete yet"


def test_a_held_job_is_explained_from_its_ad() -> None:
    """Program, walltime and memory come from the ad and the status."""
    job = make_job(state=State.HELD, hold_code=3, hold_subcode=72, hold_reason="r")
    found = explain_held(job, ad(HepSub_WalltimeLimit=7200), "13")
    assert found.sentence == "it ran longer than its walltime of 2 h and was stopped"


def test_a_held_job_is_explained_with_htcondors_own_words_too() -> None:
    """Sentence, then code, subcode and text as they stand in the ad."""
    job = make_job(state=State.HELD, hold_code=6, hold_subcode=2, hold_reason="Error from slot1")
    found = explain_held(job, ad(Cmd="/work/job.sh"), "13.0")
    assert found.sentence == "/work/job.sh could not be started: no such file or directory"
    assert any("6/2" in line and "Error from slot1" in line for line in found.details)


def test_a_cluster_is_named_when_all_of_it_is_meant() -> None:
    """The command shall mend all jobs that are alike."""
    job = make_job(
        state=State.HELD, hold_code=34, hold_subcode=0, memory_mb=2600.4, requested_mb=2000
    )
    assert explain_held(job, ad(), "13").next_command == ("hep_edit -m 3300 13 && hep_release 13")


def test_a_held_job_without_an_ad_is_explained_all_the_same() -> None:
    """What the listing knew is enough for a sentence."""
    job = make_job(state=State.HELD, hold_code=1)
    assert explain_held(job, None, "13.0").next_command == "hep_release 13.0"
