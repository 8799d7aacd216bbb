"""Why jobs that go through a computing element are where they are: from their ads at home."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hepsub.batch import Advice, State
from hepsub.condor.attributes import ClassAd
from hepsub.condor.explain_element import explain_there, goes_through_element
from tests.fakes.batch import make_job
from tests.fakes.world import NOON

SENT = {"GridJobId": "condor ce.qingdao.hep ce.qingdao.hep:9619 7.0"}
SILENT = {"GridResourceUnavailableTime": int(NOON - 720)}


def ad(**values: object) -> ClassAd:
    """The ad of a job that goes to Qingdao."""
    import classad2

    usual: dict[str, Any] = {
        "JobUniverse": 9,
        "HepSub_Sites": "qingdao",
        "GridResource": "condor ce.qingdao.hep ce.qingdao.hep:9619",
    }
    return classad2.ClassAd(usual | values)


def explained(
    state: State, values: Mapping[str, object], token_end: float | None = NOON + 600, **job: object
) -> Advice:
    """What is said of one job."""
    found = make_job("13.0", state, run_seconds=90.0, **job)
    return explain_there(found, ad(**values), "13", NOON, token_end)


def test_which_jobs_go_through_an_element() -> None:
    assert goes_through_element(ad())
    assert not goes_through_element(ad(JobUniverse=5))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (SENT, "the site qingdao has taken it, and has not started it yet: it is idle there"),
        (
            SENT | {"GridJobStatus": "IDLE"},
            "the site qingdao has taken it, and has not started it yet: it is idle there",
        ),
        (
            SENT | {"GridJobStatus": "COMPLETED"},
            "it is at the site qingdao, which says that it is COMPLETED",
        ),
        (
            {},
            "it is on its way to the site qingdao, which has not taken it yet; submitted 1 min 40 s ago",
        ),
        (SILENT, "the site qingdao has not answered for 12 min; the job waits until it does"),
        (
            SENT | SILENT,
            "the site qingdao has not answered for 12 min; the job is there, and waits until it does",
        ),
        (
            {"HepSub_Sites": ""},
            "it is on its way to the site ce.qingdao.hep, which has not taken it yet; submitted 1 min 40 s ago",
        ),
    ],
)
def test_a_job_that_waits(values: Mapping[str, object], sentence: str) -> None:
    """Nothing is to be done but to wait."""
    found = explained(State.IDLE, values)
    assert (found.sentence, found.next_command) == (sentence, "")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (SENT, "it runs at the site qingdao, for 1 min 30 s so far"),
        (SENT | SILENT, "the site qingdao has not answered for 12 min; the job goes on there"),
    ],
)
def test_a_job_that_runs(values: Mapping[str, object], sentence: str) -> None:
    found = explained(State.RUNNING, values)
    assert (found.sentence, found.next_command) == (sentence, "")


@pytest.mark.parametrize(
    ("state", "values", "end"),
    [
        (State.IDLE, SILENT, "the job waits"),
        (State.IDLE, SENT | SILENT, "the job goes on there"),
        (State.RUNNING, SENT | SILENT, "the job goes on there"),
    ],
)
def test_a_site_that_does_not_believe_an_old_token(
    state: State, values: Mapping[str, object], end: str
) -> None:
    """HTCondor tells no more than that it does not answer."""
    found = explained(state, values, NOON - 60)
    said = "the site qingdao has not answered for 12 min: the token that it is shown has ended"
    assert (found.sentence, found.next_command) == (f"{said}; {end}", "hep_auth renew")
    assert found.details[-1].startswith("the token that the site is shown ended ")


def test_the_details_of_a_job() -> None:
    """Why it goes there, its number there, and the token."""
    values = SENT | {"GridJobStatus": "RUNNING", "HepSub_Reason": "it may run at qingdao"}
    assert [each[:45] for each in explained(State.RUNNING, values).details] == [
        "route: it may run at qingdao",
        "GridJobId condor ce.qingdao.hep ce.qingdao.he",
        "the token that the site is shown is good unti",
    ]
    assert explained(State.IDLE, {}, None).details == ()


def test_the_details_of_a_job_that_has_a_choice() -> None:
    """Where it goes if it is held, and where it was before."""
    other = {"HepSub_Elsewhere": "weihai,dongguan"}
    [said] = explained(State.IDLE, other, None).details
    assert said.endswith(" for reasons of its own, it goes to weihai or dongguan")
    [said] = explained(State.IDLE, other | {"HepSub_LeftSites": "weihai"}, None).details
    assert said == "it was on hold at weihai, was removed there, and goes to another site"


def test_a_job_that_a_site_was_asked_to_remove() -> None:
    """Whether it did, nobody knows here before the grid manager notices."""
    found = explained(State.IDLE, {"HepSub_Recalled": "qingdao", "HepSub_Sites": "qingdao"}, None)
    assert found.details == (
        "that site, which was left out, was asked to remove it where it waited: it goes to another one once it has",
    )


def test_a_job_between_two_sites() -> None:
    """A round of the renewal was interrupted; the next one sends it on."""
    values = {"HepSub_Moving": int(NOON), "EnteredCurrentStatus": int(NOON)}
    found = explained(State.HELD, values, hold_code=19, hold_reason="h")
    assert found.sentence == "it has left the site that held it, and goes to another one"
    assert found.next_command == "hep_auth renew"


ONCE_MORE = "hep_rm 13, and submit it again"


@pytest.mark.parametrize(
    ("code", "reason", "values", "token_end", "sentence", "command"),
    [
        (
            (0, 0),
            "Job disappeared from remote schedd",
            {},
            NOON + 9,
            "the site qingdao removed it, and does not say why",
            f"{ONCE_MORE} (hep_release 13 would start it a second time)",
        ),
        (
            (0, 0),
            "Job disappeared from remote schedd",
            {},
            NOON - 9,
            "the site qingdao removed it, and does not say why",
            f"{ONCE_MORE} (hep_release 13 would start it a second time)",
        ),
        (
            (0, 0),
            "Error connecting to schedd x",
            {},
            NOON - 9,
            "the site qingdao did not take it: the token that it is shown has ended",
            "hep_auth renew && hep_release 13",
        ),
        (
            (0, 0),
            "Error connecting to schedd x",
            {},
            NOON + 9,
            "the site qingdao could not be asked to run it: Error connecting to schedd x",
            "hep_release 13",
        ),
        (
            (12, 2),
            "gone",
            SENT,
            NOON + 9,
            "on hold at the site qingdao: its outputs could not be brought home (no such file or directory): gone",
            "mend the place, then hep_release 13",
        ),
        (
            (34, 0),
            "memory",
            SENT,
            NOON + 9,
            "on hold at the site qingdao: it outgrew its memory: it used more, but had asked for 2000 MB",
            f"{ONCE_MORE} with more memory (-mem)",
        ),
        (
            (1, 0),
            "by alice",
            {},
            None,
            "you, or somebody for you, put it on hold with hep_hold",
            "hep_release 13",
        ),
    ],
)
def test_a_job_on_hold(
    code: tuple[int, int],
    reason: str,
    values: Mapping[str, object],
    token_end: float | None,
    sentence: str,
    command: str,
) -> None:
    """What the site holds it for, and what the grid manager gives up on."""
    hold = {"hold_code": code[0], "hold_subcode": code[1], "hold_reason": reason}
    found = explained(State.HELD, values, token_end, **hold)
    assert (found.sentence, found.next_command) == (sentence, command)
    assert found.details[0] == f"HTCondor: {code[0]}/{code[1]} {reason}"


def test_a_job_that_had_begun_may_not_begin_again() -> None:
    """A release is no harmless thing then."""
    hold: dict[str, Any] = {"hold_code": 1, "hold_reason": "by alice"}
    found = explained(State.HELD, {**SENT, "JobStartDate": int(NOON)}, **hold)
    assert found.next_command == (
        "hep_release 13; where the site starts no job twice (HTCondor-CE's usual way), " + ONCE_MORE
    )


def test_a_job_that_is_being_prepared() -> None:
    """It was submitted on hold, until its bundle is complete."""
    found = explained(
        State.HELD, {"HepSub_Ready": False}, hold_code=15, hold_reason="submitted on hold"
    )
    assert found.sentence == "it is being prepared: its bundle is not complete yet"
