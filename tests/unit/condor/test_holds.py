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
        (2100, 2000, 2700),
        (8000, 2000, 10000),
        (8001, 2000, 10100),
        (100, 2000, 2500),
        (0, 2000, 4000),
        (0, 1500, 3000),
    ],
)
def test_the_memory_that_is_suggested_is_enough(used: int, asked: int, suggested: int) -> None:
    """A quarter above the peak, or above what was not enough, in full hundreds; twice, if nothing was measured."""
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
    assert found.next_command == "submit it again with a longer walltime: hep_sub -wt 20h …"


@pytest.mark.parametrize(
    ("limit", "words"),
    [(0, "mid"), (1, "1min"), (30, "1min"), (31, "2min"), (3540, "118min"), (3570, "119min"), (3600, "2h"),
     (3601, "3h"), (5400, "3h")],
)  # fmt: skip
def test_twice_the_walltime_is_suggested(limit: int, words: str) -> None:
    """In full minutes, above two hours in full hours; a class where no limit is known."""
    assert advice(47, walltime_s=limit).next_command.endswith(f" -wt {words} …")


def test_an_unknown_walltime_is_not_made_up() -> None:
    """A job of condor_submit has no limit of ours in its ad."""
    assert advice(47, walltime_s=0).sentence == "it ran longer than its walltime and was stopped"


RELEASE = "hep_release 13.2"
ASK = f"ask the administrators; then {RELEASE}"
WORDS = "HTCondor's words"


@pytest.mark.parametrize(
    ("code", "sentence", "next_command"),
    [
        (1, "you, or somebody for you, put it on hold with hep_hold", RELEASE),
        (2, f"a credential that it needs could not be delegated: {WORDS}", RELEASE),
        (3, f"a rule of the job itself put it on hold: {WORDS}", RELEASE),
        (4, f"its credentials are not valid: {WORDS}", RELEASE),
        (5, f"a rule of the pool put it on hold: {WORDS}", ASK),
        (6, "/work/alice/job.sh could not be started: {}", f"check the script and its #! line, then {RELEASE}"),
        (7, "its output file /work/alice/log/out could not be opened: {}", f"mend that directory, then {RELEASE}"),
        (8, "its input could not be opened: {}", f"mend the file, then {RELEASE}"),
        (11, "its working directory could not be entered: {}", f"mend the directory, then {RELEASE}"),
        (12, f"its outputs could not be brought home ({{}}): {WORDS}", f"mend the place, then {RELEASE}"),
        (13, f"its inputs could not be sent ({{}}): {WORDS}", f"mend the file, then {RELEASE}"),
        (14, "its working directory on the submit side is not there: {}", f"make it, then {RELEASE}"),
        (15, "it was submitted on hold", RELEASE),
        (16, "its inputs are still being sent to the schedd", ""),
        (21, f"the schedd was told to put it on hold: {WORDS}", ASK),
        (22, f"HTCondor could not prepare the job on the worker node: {WORDS}", RELEASE),
        (26, f"a rule of the pool put it on hold: {WORDS}", ASK),
        (34, f"it outgrew its memory: {WORDS}", f"hep_edit -m MB 13.2 && {RELEASE}"),
        (35, f"the container runtime of the worker node failed: {WORDS}", RELEASE),
        (45, f"its environment or arguments could not be expanded: {WORDS}", "submit it again without $$"),
        (99, f"HTCondor put it on hold with code 99/{{subcode}}: {WORDS}", RELEASE),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("subcode", "cause"),
    [
        (2, "no such file or directory"),
        (13, "permission denied"),
        (8, "not a program that Linux can start"),
        (21, "it is a directory"),
        (20, "a part of the path is no directory"),
        (28, "the disk is full"),
        (122, "the quota is used up"),
        (26, "the file is being written"),
        (7, "arguments or environment are too large"),
        (999, "error 999"),
    ],
)
def test_a_code_is_a_cause_and_a_command(
    code: int, subcode: int, cause: str, sentence: str, next_command: str
) -> None:
    """HTCondor's numbers in words, errno values included, with what mends it; new codes have its own words."""
    assert advice(code, subcode) == Advice(
        sentence=sentence.replace("{}", cause).replace("{subcode}", str(subcode)),
        details=(f"HTCondor: {code}/{subcode} HTCondor's words",),
        next_command=next_command,
    )


@pytest.mark.parametrize(
    "reason",
    [
        "Error from slot1@wn: Failed to open '/work/it's/err' as standard error: Permission denied (errno 13)",
        "Failed to open '/work/it's/err' (errno=13: 'Permission denied')",
    ],
)
def test_the_log_that_could_not_be_opened_is_named(reason: str) -> None:
    """Also where it is the one after -e: HTCondor and the embedded pool have the same code for both."""
    assert advice(7, 13, reason=reason).sentence == (
        "its output file /work/it's/err could not be opened: permission denied"
    )


def test_a_job_whose_outputs_were_lost_runs_again() -> None:
    assert advice(3, 87) == Advice(
        sentence="its program ended, but the store was away and the outputs are larger than what may come home"
        f" (home_limit): {WORDS}",
        details=(f"HTCondor: 3/87 {WORDS}",),
        next_command=f"{RELEASE}, which runs it again, when the store is back",
    )


@pytest.mark.parametrize("code", range(1, 60))
def test_no_advice_has_a_hole_in_it(code: int) -> None:
    """Every placeholder of every sentence is filled in."""
    found = advice(code, 2, reason="why")
    assert found.sentence
    assert "{" not in found.sentence + found.next_command


def test_htcondors_words_are_shown_as_they_are() -> None:
    """Braces in a reason are the reason's own."""
    assert advice(3, reason="{job} {x}").sentence.endswith("put it on hold: {job} {x}")
