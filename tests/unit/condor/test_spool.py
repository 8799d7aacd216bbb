"""What a schedd is told of jobs whose files it has, and where its ads say that files go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hepsub.condor.collector import ScheddAddress
from hepsub.condor.connection import Connection
from hepsub.condor.spool import CondorSpool, check_places
from hepsub.confine import Writable
from hepsub.errors import PoolError
from tests.fakes.htcondor import FakeBindings, QueryOpts, put_in_place

CORNER = "/bundles/u-1/job/0"
WRITABLE = Writable(directories=(Path(CORNER),), files=(Path("/work/job.out"), Path("/work/log")))
AD = {
    "ClusterId": 3,
    "ProcId": 0,
    "Iwd": "/spool/3/0",
    "SUBMIT_Iwd": CORNER,
    "TransferOutputRemaps": None,
    "SUBMIT_TransferOutputRemaps": "_condor_stdout=/work/job.out;_condor_stderr=/dev/null",
    "UserLog": "/spool/3/0/log",
    "SUBMIT_UserLog": "/work/log",
}


def test_what_hepsub_has_asked_for_is_right() -> None:
    """The corner, the logs, and what is below the corner."""
    check_places([AD, AD | {"SUBMIT_TransferOutputRemaps": "a=home.0/a;;b"}], WRITABLE, "far")
    check_places([], WRITABLE, "far")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SUBMIT_Iwd", "/home/alice", "/home/alice"),
        ("SUBMIT_Iwd", "/bundles/u-1/job/00", "/bundles/u-1/job/00"),
        ("SUBMIT_Iwd", f"{CORNER}/../../private", "/bundles/u-1/private"),
        ("SUBMIT_Iwd", None, "/spool/3/0"),
        ("SUBMIT_Iwd", 7, "/spool/3/0"),
        ("SUBMIT_TransferOutputRemaps", "a=b;evil=/home/alice/.bashrc", "/home/alice/.bashrc"),
        ("SUBMIT_TransferOutputRemaps", "evil = ../../../../home/.bashrc", "/home/.bashrc"),
        ("SUBMIT_TransferOutputRemaps", "a=/x\x1b[2J", r"/x\x1b[2J"),
        ("SUBMIT_UserLog", "/home/alice/.profile", "/home/alice/.profile"),
        ("SUBMIT_UserLog", "/work/logs", "/work/logs"),
    ],
)
def test_any_other_place_is_refused(name: str, value: object, said: str) -> None:
    """By whatever attribute it is meant, and of whatever type; what is said moves no cursor."""
    with pytest.raises(PoolError) as refused:
        check_places([AD, AD | {name: value}], WRITABLE, "far")
    assert f"wants {said} written for job 3.0" in refused.value.message


ASKED = (
    "query",
    "ClusterId == 13 && JobStatus =!= 3 && JobStatus =!= 4",
    ("ProcId",),
    QueryOpts.Default,
)
URL = "https://store.example.org/herd/mail/00ff?X-Amz-Date=1&X-Amz-Signature=2"
GONE = "Unable to commit transaction:Modifying attribute HepSub_Letter in nonexistent job 13.1"
"""What htcondor2 25.14.1 says of a job that has left the queue."""


@pytest.fixture
def htcondor(monkeypatch: pytest.MonkeyPatch) -> FakeBindings:
    """Give bindings in memory in the place of the real ones, and a queue with three jobs."""
    return put_in_place(
        monkeypatch, FakeBindings(queue=[{"ClusterId": 13, "ProcId": proc} for proc in (2, 0, 1)])
    )


def spool() -> CondorSpool:
    """What a schedd was given."""
    address = ScheddAddress(name="s", machine="s", version="25.14.1", ad={"Name": "s"})
    connection = Connection(address=address, obtain_token=lambda _: False)
    return CondorSpool(connection=connection, unsent={})


def edit(proc: int, value: str) -> tuple[object, ...]:
    """A call that changes a job's attribute."""
    return ("edit", f"13.{proc}", "HepSub_Letter", value)


def test_each_job_that_may_start_has_its_own(htcondor: FakeBindings) -> None:
    """Whoever has left, and whoever has no letter, is passed over; a quote ends no string."""
    spool().write_addresses(13, {0: URL, 2: 'x"y', 7: URL})
    assert htcondor.calls == [ASKED, edit(0, f'"{URL}"'), edit(2, '"x\\"y"')]


class OneLeaves(FakeBindings):
    """A queue that a job leaves just when it is told something."""

    def called(self, *call: object) -> None:
        """Note it."""
        if call[:2] == ("edit", "13.1"):
            self.queue = [ad for ad in self.queue if ad["ProcId"] != 1]
            self.calls.append(call)
            raise self.HTCondorException(GONE)
        super().called(*call)


def test_a_job_that_leaves_meanwhile_is_no_trouble(
    htcondor: FakeBindings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are told all the same."""
    leaving = OneLeaves(queue=htcondor.queue)
    monkeypatch.setitem(sys.modules, "htcondor2", leaving)
    spool().write_addresses(13, dict.fromkeys(range(3), URL))
    assert [call[1] for call in leaving.calls if call[0] == "edit"] == ["13.0", "13.1", "13.2"]


def test_whatever_else_goes_wrong_is_told(htcondor: FakeBindings) -> None:
    """The job is there, and does not know of its letter."""
    htcondor.fails("edit", "Unable to commit transaction: no space left")
    with pytest.raises(PoolError, match="no space left"):
        spool().write_addresses(13, {0: URL})
