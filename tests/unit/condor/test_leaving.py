"""Jobs at sites that hold them: how they are described, found, kept away and released."""

from __future__ import annotations

import importlib
from typing import Any

import classad2
import pytest

from hepsub.batch_sites import HeldThere, Removed, ThroughElement
from hepsub.condor.collector import ScheddAddress
from hepsub.condor.connection import Connection
from hepsub.condor.description import describe
from hepsub.condor.explain import explain_held, explain_idle
from hepsub.condor.leaving import CondorLeaving, is_moving
from hepsub.condor.removal import SENT_ON
from hepsub.jobid import SubmissionRef, parse_job_id
from hepsub.plan.model import Element
from tests.fakes.batch import make_job
from tests.fakes.htcondor import Ad, FakeBindings, JobAction, put_in_place
from tests.fakes.world import NOON, make_policy, make_spec, make_world, plan_for

SITES = """
[site.a]
requirements = 'G == "a"'
[site.b]
requirements = 'G == "b"'
"""
CHOICE = ('My.HepSub_Site = "$$([MY.HepSub_Where])"', 'My.HepSub_LeftOut = ""')
EDITED: list[tuple[object, ...]] = []


@pytest.fixture
def htcondor(monkeypatch: pytest.MonkeyPatch) -> FakeBindings:
    """Give bindings in memory in the place of the real ones."""
    EDITED.clear()
    return put_in_place(monkeypatch, FakeBindings(acted={"TotalSuccess": 2}))


def opened(*, qedit: bool = True) -> CondorLeaving:
    """The jobs of a schedd."""
    address = ScheddAddress(name="s", machine="s", version="23.9.6", ad={"Name": "s"})
    connection = Connection(address=address, obtain_token=lambda _: False)
    return CondorLeaving(
        connection=connection,
        edit_cluster=lambda *words: EDITED.append(words),
        has_edit_cluster=lambda: qedit,
    )


def on_hold(proc: int = 0, **more: object) -> Ad:
    """The ad of a job on hold at a."""
    return {
        "ClusterId": 13, "ProcId": proc, "HoldReasonCode": 19, "HoldReason": "hook", "EnteredCurrentStatus": 1000,
        "HepSub_Sites": "a,b", "MATCH_EXP_HepSub_Site": "a", "HepSub_LeftOut": "", **more,
    }  # fmt: skip


@pytest.mark.parametrize(("words", "choice"), [(("-rmt",), True), (("-site", "a"), False)])
def test_who_has_a_choice_tells_where_it_is_and_can_be_kept_away(
    words: tuple[str, ...], choice: bool
) -> None:
    """One site alone needs neither, and nor does a job at home."""
    plan = plan_for(make_spec("job.sh", *words), make_policy(SITES), make_world())
    lines = describe(plan, "u-1").text.splitlines()
    assert [each in lines for each in CHOICE] == [choice, choice]
    plain = plan_for(make_spec("job.sh"), make_policy(SITES), make_world())
    assert "HepSub_LeftOut" not in describe(plain, "u-1").text


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {}),
        ({"HepSub_LeftSites": "b"}, {"left": ("b",)}),
        ({"HepSub_Sites": "a", "MATCH_EXP_HepSub_Site": None, "HepSub_LeftOut": None}, {"elsewhere": ()}),
        ({"HoldReasonCode": "x"}, {"code": 0}),
        ({"MATCH_EXP_HepSub_Site": "?"}, None),
        ({"MATCH_EXP_HepSub_Site": None}, None),
        ({"HepSub_Sites": None}, None),
        ({"ProcId": None}, None),
    ],
)  # fmt: skip
def test_a_job_on_hold_is_at_its_one_site_or_where_it_was_matched(
    htcondor: FakeBindings, more: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    """A job that never started has been at none; what an ad says wrongly is not there."""
    htcondor.queue = [{k: v for k, v in on_hold(**more).items() if v is not None}]
    usual: dict[str, Any] = {
        "cluster": 13, "proc": 0, "site": "a", "since": 1000.0, "code": 19, "reason": "hook", "elsewhere": ("b",),
    }  # fmt: skip
    found = opened().held([13])
    assert found == ((HeldThere(**usual | expected),) if expected is not None else ())
    [(_, asked, *_)] = htcondor.calls
    assert str(asked) == "(ClusterId == 13) && HepSub_Sites isnt undefined && JobStatus == 5"


def test_what_is_left_out_is_written_where_it_differs(htcondor: FakeBindings) -> None:
    """Into jobs that exist, and for a factory into its cluster, by which it makes the others."""
    htcondor.queue = [on_hold(), {"ClusterId": 14}]
    assert opened().leave_out([13, 14], ["a", 'x"y']) == ()
    assert EDITED == [(14, "HepSub_LeftOut", '"a,x\\"y"')]
    (_, asked, *_), (name, where, attribute, value), *_ = htcondor.calls
    assert 'HepSub_LeftOut isnt "a,x\\"y" && (ProcId isnt undefined || JobMater' in str(asked)
    assert (name, attribute, value) == ("edit", "HepSub_LeftOut", '"a,x\\"y"')
    assert str(where).endswith("&& ProcId isnt undefined")
    assert opened(qedit=False).leave_out([13, 14], []) == (14,)
    assert len(EDITED) == 1
    htcondor.queue = []
    htcondor.calls.clear()
    assert opened().leave_out([13], []) == ()
    assert len(htcondor.calls) == 1


def test_released_jobs_remember_what_they_left(htcondor: FakeBindings) -> None:
    """Those that left the same sites at once; only what is still on hold is meant."""
    htcondor.queue = [on_hold(0), on_hold(1), on_hold(2, HepSub_LeftSites="b")]
    assert opened().release(opened().held([13])) == 4
    done = [call for call in htcondor.calls if call[0] != "query"]
    both = "(ClusterId == 13 && ProcId >= 0 && ProcId <= 1)"
    assert done == [
        ("edit", f"JobStatus == 5 && ({both})", "HepSub_LeftSites", '"a"'),
        ("act", JobAction.Release, f"JobStatus == 5 && ({both})", ("hepsub sends it to another site", 0)),
        ("edit", "JobStatus == 5 && ((ClusterId == 13 && ProcId == 2))", "HepSub_LeftSites", '"b,a"'),
        ("act", JobAction.Release, "JobStatus == 5 && ((ClusterId == 13 && ProcId == 2))", done[3][3]),
    ]  # fmt: skip


THROUGH = {
    "HepSub_Sites": "a", "MATCH_EXP_HepSub_Site": None, "HepSub_LeftOut": None, "JobUniverse": 9, "QDate": 900,
    "GlobalJobId": "s#13.0#900", "HepSub_Elsewhere": "b,c", "HepSub_LeftSites": None,
}  # fmt: skip


def through(proc: int = 0, **more: object) -> Ad:
    """The ad of a job on hold that goes through an element."""
    ad = on_hold(proc, **THROUGH | more)
    return {name: value for name, value in ad.items() if value is not None}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {}),
        ({"HepSub_Elsewhere": None}, {"elsewhere": ()}),
        ({"HepSub_LeftSites": "x,b"}, {"elsewhere": ("c",), "left": ("x", "b")}),
        ({"HepSub_Sites": "b"}, {"elsewhere": ("c",), "site": "b"}),
        ({"HepSub_Moving": 1000}, {"moving": True}),
        ({"HepSub_Moving": 999}, {}),
        ({"HepSub_Recalled": "a"}, {"recalled": True}),
        ({"HepSub_Recalled": "b"}, {}),
        ({"HepSub_Moving": "x"}, {}),
    ],
)
def test_a_job_through_an_element_is_known_there_by_its_id(
    htcondor: FakeBindings, more: dict[str, Any], expected: dict[str, Any]
) -> None:
    """It may go through another one that it did not leave; a mark of an earlier hold is none."""
    htcondor.queue = [through(**more)]
    known = ThroughElement(
        id="s#13.0#900",
        submitted=900.0,
        moving=expected.pop("moving", False),
        recalled=expected.pop("recalled", False),
    )
    usual: dict[str, Any] = {
        "cluster": 13, "proc": 0, "site": "a", "since": 1000.0, "code": 19, "reason": "hook", "elsewhere": ("b", "c"),
    }  # fmt: skip
    assert opened().held([13]) == (HeldThere(**usual | expected, through=known),)


def test_what_waits_is_marked_before_its_element_is_asked(htcondor: FakeBindings) -> None:
    """Where an element has it; what has begun meanwhile is not meant."""
    htcondor.queue = [through(0), through(1)]
    jobs = opened().waiting([13])
    opened().recall(jobs)
    assert [each.proc for each in jobs] == [0, 1]
    assert str(htcondor.calls[0][1]) == (
        "(ClusterId == 13) && HepSub_Sites isnt undefined && JobStatus == 1 && (JobUniverse != 9 ||"
        " GridJobId isnt undefined)"
    )
    [edit] = [call for call in htcondor.calls if call[0] == "edit"]
    both = "(ClusterId == 13 && ProcId >= 0 && ProcId <= 1)"
    assert edit[1:] == (f"JobStatus == 1 && ({both})", "HepSub_Recalled", '"a"')


def test_a_move_is_known_by_its_mark_until_the_release(htcondor: FakeBindings) -> None:
    """No number of the old element is left when the new one is named; what was released meanwhile is not touched."""
    htcondor.queue = [through(0), through(1), through(2, HepSub_LeftSites="x")]
    element = Element(resource="condor b b:9619", token="t", queue="short")
    assert opened().move(opened().held([13]), "b", element) == 4
    done = [call for call in htcondor.calls if call[0] != "query"]
    held = (
        "JobStatus == 5 && (((ClusterId == 13 && ProcId == 0) && EnteredCurrentStatus == 1000) ||"
        " ((ClusterId == 13 && ProcId == 1) && EnteredCurrentStatus == 1000))"
    )
    nowhere = f"{held} && GridJobId is undefined"
    assert done[:9] == [
        ("edit", held, "HepSub_Moving", "1000"),
        ("edit", held, "GridJobId", "undefined"),
        ("edit", held, "GridJobStatus", "undefined"),
        ("edit", nowhere, "HepSub_LeftSites", '"a"'),
        ("edit", nowhere, "GridResource", '"condor b b:9619"'),
        ("edit", nowhere, "queue", '"short"'),
        ("edit", nowhere, "HepSub_Sites", '"b"'),
        ("act", JobAction.Release, nowhere, ("hepsub sends it to another site", 0)),
        ("edit", done[8][1], "HepSub_Moving", "1000"),
    ]
    assert [call[3] for call in done if call[2] == "HepSub_LeftSites"] == ['"a"', '"x,a"']


@pytest.mark.parametrize("site", ["a", "b"])
def test_an_interrupted_move_is_done_again(htcondor: FakeBindings, site: str) -> None:
    """What was noted before is not noted twice, and no queue of the old element is asked for."""
    htcondor.queue = [through(HepSub_LeftSites="a", HepSub_Sites=site, HepSub_Moving=1000)]
    opened().move(opened().held([13]), "b", Element(resource="condor b b:9619", token="t"))
    edits = {call[2]: call[3] for call in htcondor.calls if call[0] == "edit"}
    assert (edits["HepSub_LeftSites"], edits["queue"]) == ('"a"', "undefined")


def test_thousands_of_jobs_are_one_question_that_can_be_answered(htcondor: FakeBindings) -> None:
    """ClassAds evaluate no deeper than 400; jobs of different seconds go together, each as it was."""
    htcondor.queue = [through(proc, EnteredCurrentStatus=1000 + proc) for proc in range(3000)]
    jobs = opened().held([13])
    opened().move(jobs, "b", Element(resource="condor b b:9619", token="t"))
    opened().release(jobs)
    done = [call for call in htcondor.calls if call[0] != "query"]
    assert [str(call[0]) for call in done] == [*["edit"] * 7, "act", "edit", "act"]
    assert done[0][2:] == ("HepSub_Moving", "3999")
    marked = {"JobStatus": 5, "EnteredCurrentStatus": 2234, "HepSub_Moving": 3999}
    assert is_moving(marked)
    assert not is_moving(marked | {"EnteredCurrentStatus": 4000})
    for call in (done[0], done[7], done[9]):
        wanted = classad2.ExprTree(str(call[1] if call[0] == "edit" else call[2]))
        for proc, since, expected in ((1234, 2234, True), (2999, 3999, True), (3000, 4000, False)):
            ad = {"ClusterId": 13, "ProcId": proc, "JobStatus": 5, "EnteredCurrentStatus": since}
            assert wanted.eval(classad2.ClassAd(ad)) is expected, (call[0], proc)


def gone(proc: int, reason: str = f"{SENT_ON} (by user alice)", **more: object) -> Ad:
    """The ad of a job that was removed."""
    return {"ClusterId": 13, "ProcId": proc, "JobStatus": 3, "RemoveReason": reason, **more}


@pytest.mark.parametrize(
    ("past", "expected"),
    [
        ([gone(0)], Removed(gone=frozenset({"13.0"}))),
        ([gone(0, "by user alice")], Removed(ended=frozenset({"13.0"}))),
        ([gone(0, CompletionDate=5)], Removed(ended=frozenset({"13.0"}))),
        ([gone(0, JobStatus=4)], Removed(ended=frozenset({"13.0"}))),
        ([], Removed()),
    ],
)
def test_a_removal_counts_that_was_asked_for_here(
    htcondor: FakeBindings, past: list[Ad], expected: Removed
) -> None:
    """The jobs' owner may have removed them, and wants them nowhere then; an end is no removal."""
    htcondor.past = past
    ref = SubmissionRef(uuid="u", pool="far", schedd="s", cluster=13, number=5)
    assert opened().remove(ref, [0], 100_000) == expected


def test_what_waits_or_is_on_hold_is_removed(htcondor: FakeBindings) -> None:
    """By its submission, too: a number may mean another one's by then. What is not gone is told."""
    htcondor.queue = [
        {"ClusterId": 13, "ProcId": proc, "JobStatus": state, "HepSub_UUID": "u"}
        for proc, state in ((0, 1), (1, 2), (2, 5))
    ]
    ref = SubmissionRef(uuid="u", pool="far", schedd="s", cluster=13, number=5)
    told = opened().remove(ref, [0, 1, 2], 100_000)
    assert told == Removed(there=frozenset({"13.0", "13.1", "13.2"}))
    [act] = [call for call in htcondor.calls if call[0] == "act"]
    assert act[1:] == (
        JobAction.Remove,
        'HepSub_UUID == "u" && ((ClusterId == 13 && ProcId >= 0 && ProcId <= 2))'
        " && (JobStatus == 5 || JobStatus == 1)",
        (SENT_ON, 0),
    )


def test_where_ended_jobs_were(htcondor: FakeBindings) -> None:
    """The history tells, as far as it goes back."""
    htcondor.past = [on_hold(0, CompletionDate=1234)]
    jobs = (parse_job_id("13.0"), parse_job_id("13.1"))
    assert opened().ended(jobs) == {(13, 0): ("a", 1234.0)}
    assert htcondor.calls[0][3] == 2


def test_why_tells_of_the_way(htcondor: FakeBindings) -> None:
    """What a job was taken away from, and where it does not go now."""
    ad = on_hold(HepSub_LeftSites="b", HepSub_LeftOut="a,b")
    details = explain_held(make_job(), ad, "13.0").details
    assert details[1:] == (
        "it was on hold at b, or waited there, and was sent elsewhere",
        "left out for a while, because jobs fail there: a,b",
    )
    assert len(explain_held(make_job(), on_hold(), "13.0").details) == 1
    assert not htcondor.calls


@pytest.mark.parametrize(("out", "waits"), [("a,b", True), ("a", False), ("", False)])
def test_why_a_job_waits_whose_sites_are_all_left_out(
    monkeypatch: pytest.MonkeyPatch, out: str, waits: bool
) -> None:
    """It will start by itself; nobody should remove it."""
    monkeypatch.setenv("CONDOR_CONFIG", "ONLY_ENV")
    importlib.import_module("htcondor2")  # has stringListMember
    plan = plan_for(make_spec("job.sh", "-rmt"), make_policy(SITES), make_world())
    (wanted,) = plan.route.requirements
    ad = classad2.ClassAd({"HepSub_LeftOut": out, "Requirements": classad2.ExprTree(wanted)})
    slots = [classad2.ClassAd({"G": each}) for each in ("a", "b")]
    advice = explain_idle(make_job(submitted=NOON - 999), ad, lambda: slots, "13.0", NOON)
    assert (advice.sentence == "it waits for a remote site: a,b is left out for a while") == waits
    assert ("never start" in advice.sentence) is False
    number = 2 - len(out.split(",")) if out else 2
    said = "a machine at one of its remote sites that gets jobs now"
    assert f"{number} of 2 slots offer {said}" in advice.details
