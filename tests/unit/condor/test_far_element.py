"""A computing element is asked itself: with the jobs' token alone, by their ids at home; only a removal is a proof."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from hepsub.batch_sites import Removed
from hepsub.condor.far_element import FarElement
from hepsub.errors import NotDone, PoolError, ScheddNotReached
from tests.fakes.htcondor import Ad, AdType, FakeBindings, JobAction, put_in_place

METHODS, TOKEN = "SEC_CLIENT_AUTHENTICATION_METHODS", "BEARER_TOKEN"
IDLE, REMOVED, COMPLETED, HELD = 1, 3, 4, 5


@dataclass(slots=True)
class Showing(FakeBindings):
    """Bindings that note by what they say who we are."""

    shown: set[tuple[str, str]] = field(default_factory=set)
    acting: Callable[[], None] = lambda: None
    asking: Callable[[str], None] = lambda _: None

    def called(self, *call: object) -> None:
        """Note it, too."""
        self.shown.add((self.param[METHODS], os.environ[TOKEN]))
        if call[0] == "act":
            self.acting()
        if call[0] == "history":
            self.asking(str(call[1]))
        FakeBindings.called(self, *call)


@pytest.fixture
def listener() -> Iterator[int]:
    """Give a port that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def htcondor(monkeypatch: pytest.MonkeyPatch, listener: int) -> Showing:
    """Give bindings in memory, and a collector that knows the schedd ce."""
    address = {"Machine": "ce", "CondorVersion": "25", "MyAddress": f"<127.0.0.1:{listener}>"}
    fake = Showing(param={METHODS: "FS", "QUERY_TIMEOUT": "60"})
    fake.daemons[AdType.Schedd] = [{"Name": name, **address} for name in ("ce", "other")]
    monkeypatch.setenv(TOKEN, "another")
    return put_in_place(monkeypatch, fake)


def job(proc: int, state: int) -> Ad:
    """The ad of a job there."""
    return {"SubmitterGlobalJobId": f"s#13.{proc}#1", "JobStatus": state}


def ids(*procs: int) -> frozenset[str]:
    """By what jobs are known."""
    return frozenset(f"s#13.{proc}#1" for proc in procs)


def element(htcondor: FakeBindings, listener: int, later: list[Ad] | None = None) -> FarElement:
    """The element, whose queue is another one after the second pause."""
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            htcondor.queue = later or []

    return FarElement(resource=f"condor ce 127.0.0.1:{listener}", token="t", sleep=sleep)


@pytest.mark.parametrize(
    ("past", "expected"),
    [
        ([job(0, REMOVED)], Removed(gone=ids(0))),
        ([job(0, COMPLETED)], Removed(ended=ids(0))),
        ([job(0, COMPLETED), job(0, REMOVED)], Removed(ended=ids(0))),
        ([{**job(0, REMOVED), "LastJobStatus": COMPLETED}], Removed(ended=ids(0))),
        ([{**job(0, REMOVED), "CompletionDate": 1}], Removed(ended=ids(0))),
        ([{**job(0, REMOVED), "LastJobStatus": 5, "CompletionDate": 0}], Removed(gone=ids(0))),
        ([], Removed()),
    ],
)
def test_what_has_left_the_queue(
    htcondor: Showing, listener: int, past: list[Ad], expected: Removed
) -> None:
    """A job in neither queue nor history may be anywhere; one that ended in any other way is not sent again."""
    htcondor.past = past
    assert element(htcondor, listener).remove(ids(0), 100_000) == expected
    assert "act" not in [name for name, *_ in htcondor.calls]
    *_, history = htcondor.calls
    assert history == (
        "history", 'member(SubmitterGlobalJobId, {"s#13.0#1"})',
        ("SubmitterGlobalJobId", "JobStatus", "LastJobStatus", "CompletionDate", "RemoveReason"), 101,
    )  # fmt: skip
    assert htcondor.since == ["EnteredCurrentStatus < 13600"]


@pytest.mark.parametrize("state", [IDLE, COMPLETED])
def test_what_is_not_on_hold_there_is_left_alone(
    htcondor: Showing, listener: int, state: int
) -> None:
    """It waits, runs, or what it made has to be fetched."""
    htcondor.queue, htcondor.past = [job(0, state)], [job(0, REMOVED)]
    assert element(htcondor, listener).remove(ids(0), 1) == Removed(there=ids(0))
    assert "act" not in [name for name, *_ in htcondor.calls]


def test_what_waits_there_is_removed_where_that_is_asked_for(
    htcondor: Showing, listener: int
) -> None:
    """What runs is not."""
    htcondor.queue = [job(0, IDLE), job(1, 2)]
    one = element(htcondor, listener)
    assert one.remove(ids(0, 1), 1, waiting=True) == Removed(there=ids(0, 1))
    [act] = [call for call in htcondor.calls if call[0] == "act"]
    assert str(act[2]).endswith("&& (JobStatus == 5 || JobStatus == 1)")


@pytest.mark.parametrize("stays", [False, True])
def test_what_is_on_hold_is_removed_and_seen_gone(
    htcondor: Showing, listener: int, stays: bool
) -> None:
    """Its router needs a while; it is not waited for without an end."""
    htcondor.queue = [job(0, HELD), job(1, IDLE)]
    htcondor.past = [job(0, REMOVED)]
    one = element(htcondor, listener, [job(0, REMOVED)] if stays else [job(1, IDLE)])
    there = ids(0) if stays else ids(1)

    def removed() -> None:
        htcondor.queue = [job(0, REMOVED), job(1, IDLE)]

    htcondor.acting = removed
    gone = frozenset() if stays else ids(0)
    assert one.remove(ids(0, 1), 1) == Removed(gone=gone, there=there)
    [act] = [call for call in htcondor.calls if call[0] == "act"]
    assert act[1:] == (
        JobAction.Remove,
        'member(SubmitterGlobalJobId, {"s#13.0#1", "s#13.1#1"}) && (JobStatus == 5)',
        ("hepsub sends it to another site", 0),
    )


def test_nothing_but_the_token_is_shown(htcondor: Showing, listener: int) -> None:
    """And afterwards everything as before, after a failure too."""
    element(htcondor, listener).remove(ids(0), 1)
    htcondor.fails("query", "no")
    with pytest.raises(PoolError):
        element(htcondor, listener).remove(ids(0), 1)
    assert htcondor.shown == {("SCITOKENS", "t")}
    assert (htcondor.param[METHODS], os.environ[TOKEN]) == ("FS", "another")


def test_many_jobs_are_several_questions(htcondor: Showing, listener: int) -> None:
    """The answers are put together."""

    def asking(wanted: str) -> None:
        every = [job(proc, REMOVED) for proc in range(501)]
        htcondor.past = [each for each in every if f'"{each["SubmitterGlobalJobId"]}"' in wanted]

    htcondor.asking = asking
    told = element(htcondor, listener).remove(ids(*range(501)), 1)
    assert told == Removed(gone=ids(*range(501)))
    assert [name for name, *_ in htcondor.calls].count("history") == 2


def test_an_element_that_cannot_be_asked(htcondor: Showing, listener: int) -> None:
    """Its collector has no such schedd; nobody listens; it is no HTCondor."""
    where = f"127.0.0.1:{listener}"
    for resource, kind, said in (
        (f"condor gone {where}", ScheddNotReached, "its collector does not know it now"),
        ("condor ce 127.0.0.1:1", ScheddNotReached, "does not answer"),
        (f"arc ce {where}", NotDone, "none that hepsub can ask"),
        ("condor ce", NotDone, "none that hepsub can ask"),
    ):
        with pytest.raises(kind, match=said):
            FarElement(resource=resource, token="t").remove(ids(0), 1)
    assert "query" not in [name for name, *_ in htcondor.calls]


def test_other_jobs_that_it_tells_of_are_none(htcondor: Showing, listener: int) -> None:
    """Only those that were asked about are told, whatever an element answers."""
    htcondor.queue = [job(1, HELD), job(7, IDLE)]
    htcondor.past = [job(0, REMOVED), job(8, REMOVED), job(9, COMPLETED), {"JobStatus": REMOVED}]
    told = element(htcondor, listener).remove(ids(0, 1, 2), 1)
    assert told == Removed(gone=ids(0), there=ids(1))


@pytest.mark.parametrize("where", ["queue", "past"])
def test_an_element_that_tells_without_end_proves_nothing(
    htcondor: Showing, listener: int, where: str
) -> None:
    """More was to come: an end of one of the jobs may be among it."""
    setattr(htcondor, where, [job(0, REMOVED)] * 5000)
    with pytest.raises(PoolError, match="tells of more jobs than it was asked about"):
        element(htcondor, listener, htcondor.queue).remove(ids(0), 1)
