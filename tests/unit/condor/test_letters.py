"""Where letters lie, written into the ads of the jobs that may still start."""

from __future__ import annotations

import sys

import pytest

from hepsub.condor.collector import ScheddAddress
from hepsub.condor.connection import Connection
from hepsub.condor.letters import write_addresses
from hepsub.errors import PoolError
from tests.fakes.htcondor import FakeBindings

ASKED = ("query", "ClusterId == 13 && JobStatus =!= 3 && JobStatus =!= 4", ("ProcId",), None)
URL = "https://store.example.org/herd/mail/00ff?X-Amz-Date=1&X-Amz-Signature=2"
GONE = "Unable to commit transaction:Modifying attribute HepSub_Letter in nonexistent job 13.1"
"""What htcondor2 25.14.1 says of a job that has left the queue."""


@pytest.fixture
def htcondor(monkeypatch: pytest.MonkeyPatch) -> FakeBindings:
    """Give bindings in memory in the place of the real ones, and a queue with three jobs."""
    fake = FakeBindings(queue=[{"ClusterId": 13, "ProcId": proc} for proc in (2, 0, 1)])
    monkeypatch.setenv("CONDOR_CONFIG", "ONLY_ENV")
    monkeypatch.setitem(sys.modules, "htcondor2", fake)
    return fake


def connected() -> Connection:
    """The way to a schedd."""
    address = ScheddAddress(name="s", machine="s", version="25.14.1", ad={"Name": "s"})
    return Connection(address=address, obtain_token=lambda _: False)


def edit(proc: int, value: str) -> tuple[object, ...]:
    """A call that changes a job's attribute."""
    return ("edit", f"13.{proc}", "HepSub_Letter", value)


def test_each_job_that_may_start_has_its_own(htcondor: FakeBindings) -> None:
    """Whoever has left, and whoever has no letter, is passed over; a quote ends no string."""
    write_addresses(connected(), 13, {0: URL, 2: 'x"y', 7: URL})
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
    write_addresses(connected(), 13, dict.fromkeys(range(3), URL))
    assert [call[1] for call in leaving.calls if call[0] == "edit"] == ["13.0", "13.1", "13.2"]


def test_whatever_else_goes_wrong_is_told(htcondor: FakeBindings) -> None:
    """The job is there, and does not know of its letter."""
    htcondor.fails("edit", "Unable to commit transaction: no space left")
    with pytest.raises(PoolError, match="no space left"):
        write_addresses(connected(), 13, {0: URL})
