"""Why jobs are on hold: a sentence and the next command."""

from __future__ import annotations

import pytest

from hepsub.batch import Advice
from hepsub.condor.holds import Hold, explain_hold


def advice(
    code: int,
    subcode: int = 0,
    *,
    reason: str = "HTCondor's words",
    memory_mb: int = 2000,
    used_mb: int = 0,
    walltime_s: int = 36000,
) -> Advice:
    """The advice for 13.2, on hold with this code."""
    return explain_hold(
        Hold(
            job="13.2",
            code=code,
            subcode=subcode,
            reason=reason,
            executable="/work/alice/job.sh",
            stdout="/work/alice/log/out",
            memory_mb=memory_mb,
            used_mb=used_mb,
            walltime_s=walltime_s,
        )
    )


@pytest.mark.parametrize(("code", "subcode"), [(3, 34), (21, 102), (34, 0), (34, 34), (26, 34)])
def test_every_way_of_outgrowing_memory_is_one_cause(code: int, subcode: int) -> None:
    """hepsub's own backstop, the worker's cgroup, the schedd and the pool's rules."""
    assert advice(code, subcode, used_mb=2600) == Advice(
        sentence="it outgrew its memory: it used 2600 MB, but had asked for 2000 MB",
        details=(f"HTCondor: {code}/{subcode} HTCondor's words",),
        next_command="hep_edit -m 3300 13.2 && hep_release 13.2",
    )


@pytest.mark.parametrize(
    ("used", "asked", "suggested"),
    [
        (2100, 2000, 3000),
        (8000, 2000, 10000),
        (8001, 2000, 10100),
        (100, 2000, 3000),
        (0, 2000, 4000),
        (0, 1500, 3000),
    ],
)
def test_the_memory_that_is_suggested_is_enough(used: int, asked: int, suggested: int) -> None:
    """A quarter above the peak, at least 1000 MB more, in full hundreds; twice, if nothing was measured."""
    found = advice(3, 34, used_mb=used, memory_mb=asked)
    assert found.next_command == f"hep_edit -m {suggested} 13.2 && hep_release 13.2"


def test_without_a_measurement_the_sentence_says_so() -> None:
    """It used more: nobody knows how much."""
    assert advice(34).sentence == ("it outgrew its memory: it used more, but had asked for 2000 MB")


@pytest.mark.parametrize(("code", "subcode"), [(3, 72), (46, 0), (47, 0)])
def test_every_way_of_outrunning_walltime_is_one_cause(code: int, subcode: int) -> None:
    """hepsub's own backstop and HTCondor's limits."""
    found = advice(code, subcode)
    assert found.sentence == "it ran longer than its walltime of 10 h and was stopped"
    assert "hep_sub -wt" in found.next_command


def test_an_unknown_walltime_is_not_made_up() -> None:
    """A job of condor_submit has no limit of ours in its ad."""
    assert advice(47, walltime_s=0).sentence == "it ran longer than its walltime and was stopped"


RELEASE = "hep_release 13.2"


@pytest.mark.parametrize(
    ("code", "subcode", "sentence", "next_command"),
    [
        (1, 0, "you, or somebody for you, put it on hold with hep_hold", RELEASE),
        (3, 0, "a rule of the job itself put it on hold: HTCondor's words", RELEASE),
        (
            5,
            0,
            "a rule of the pool put it on hold: HTCondor's words",
            "ask the administrators; then hep_release 13.2",
        ),
        (
            6,
            2,
            "/work/alice/job.sh could not be started: no such file or directory",
            "check the script and its #! line, then hep_release 13.2",
        ),
        (
            6,
            13,
            "/work/alice/job.sh could not be started: permission denied",
            "check the script and its #! line, then hep_release 13.2",
        ),
        (
            6,
            8,
            "/work/alice/job.sh could not be started: not a program that Linux can start",
            "check the script and its #! line, then hep_release 13.2",
        ),
        (
            7,
            21,
            "its output file /work/alice/log/out could not be opened: it is a directory",
            "mend that directory, then hep_release 13.2",
        ),
        (
            7,
            122,
            "its output file /work/alice/log/out could not be opened: the quota is used up",
            "mend that directory, then hep_release 13.2",
        ),
        (
            12,
            28,
            "its outputs could not be brought home (the disk is full): HTCondor's words",
            "mend the place, then hep_release 13.2",
        ),
        (
            13,
            2,
            "its inputs could not be sent (no such file or directory): HTCondor's words",
            "mend the file, then hep_release 13.2",
        ),
        (
            14,
            2,
            "its working directory on the submit side is not there: no such file or directory",
            "make it, then hep_release 13.2",
        ),
        (15, 0, "it was submitted on hold", RELEASE),
        (16, 0, "its inputs are still being sent to the schedd", ""),
        (
            35,
            0,
            "the container runtime of the worker node failed: HTCondor's words",
            RELEASE,
        ),
    ],
)
def test_a_code_is_a_cause_and_a_command(
    code: int, subcode: int, sentence: str, next_command: str
) -> None:
    """HTCondor's numbers in words, errno values included, with what mends it."""
    assert advice(code, subcode) == Advice(
        sentence=sentence,
        details=(f"HTCondor: {code}/{subcode} HTCondor's words",),
        next_command=next_command,
    )


def test_an_unknown_errno_is_shown_as_its_number() -> None:
    """A number is better than nothing."""
    assert "could not be started: error 999" in advice(6, 999).sentence


def test_an_unknown_code_is_shown_with_htcondors_words() -> None:
    """A newer HTCondor may have codes that this page does not know."""
    assert advice(99, 7).sentence == ("HTCondor put it on hold with code 99/7: HTCondor's words")
    assert advice(99, 7).next_command == RELEASE


@pytest.mark.parametrize("code", range(1, 60))
def test_no_advice_has_a_hole_in_it(code: int) -> None:
    """Every placeholder of every sentence is filled in."""
    found = advice(code, 2, reason="why")
    assert found.sentence
    assert "{" not in found.sentence + found.next_command


def test_htcondors_words_are_shown_as_they_are() -> None:
    """Braces in a reason are the reason's own."""
    assert advice(3, reason="{job} {x}").sentence.endswith("put it on hold: {job} {x}")
