"""How busy a pool is: what its collector is asked, and what is made of the answers."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import hepsub
from hepsub.condor.load import Cores, Load, load_of
from hepsub.errors import PoolUnreachable
from tests.fakes.htcondor import AdType, FakeBindings, put_in_place


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeBindings:
    """The bindings, without a pool behind them."""
    return put_in_place(monkeypatch, FakeBindings())


def slot(kind: str, cpus: int, **more: Any) -> dict[str, Any]:
    return {"SlotType": kind, "Cpus": cpus, **more}


@pytest.mark.parametrize(
    ("slots", "cores"),
    [
        ([], Cores(total=0, busy=0)),
        ([slot("Partitionable", 3, TotalSlotCpus=8, State="Unclaimed")], Cores(total=8, busy=5)),
        ([slot("Partitionable", 0, TotalSlotCpus=8)], Cores(total=8, busy=8)),
        ([slot("Partitionable", 2)], Cores(total=2, busy=0)),
        ([slot("Static", 2, State="Claimed"), slot("Static", 1, State="Owner")], Cores(total=3, busy=2)),
        ([slot("Static", 2, State="Preempting")], Cores(total=2, busy=2)),
        ([{"SlotType": "Static"}, {"Cpus": -1}], Cores(total=0, busy=0)),
    ],
)  # fmt: skip
def test_the_cores_of_slots(
    fake: FakeBindings, slots: list[Mapping[str, object]], cores: Cores
) -> None:
    """What a partitionable slot has left is not busy; of a static one all is, or nothing."""
    fake.daemons = {AdType.Startd: slots}
    assert load_of("", (), {}).cores == cores


def test_the_jobs_of_the_schedds_that_were_asked_for(fake: FakeBindings) -> None:
    fake.daemons = {
        AdType.Schedd: [
            {"Name": "s1@a", "TotalIdleJobs": 3, "TotalRunningJobs": 2},
            {"Name": "s2@a", "TotalIdleJobs": 4},
            {"Name": "s3@a", "TotalIdleJobs": 50, "TotalRunningJobs": 50},
            {"TotalIdleJobs": 7},
        ]
    }
    found = load_of("c:9618", ("s1@a", "s2@a"), {})
    assert found == Load(cores=Cores(total=0, busy=0), idle=7, running=2, parts={})
    assert {call[1] for call in fake.calls} == {"c:9618"}


@pytest.mark.parametrize(
    ("requirements", "constraint"),
    [
        ('GLIDEIN_Site == "x"', 'GLIDEIN_Site == "x"'),
        ('TARGET.GLIDEIN_Site == "x"', 'MY.GLIDEIN_Site == "x"'),
        ('(a) && target . AuthenticatedIdentity == "g@x"', '(a) && MY. AuthenticatedIdentity == "g@x"'),
        ('A == "TARGET.B \\" TARGET.C" && TARGET.D', 'A == "TARGET.B \\" TARGET.C" && MY.D'),
    ],
)  # fmt: skip
def test_the_slots_of_a_site_are_asked_for_by_its_requirements(
    fake: FakeBindings, requirements: str, constraint: str
) -> None:
    """For a job a slot is the TARGET; a collector looks at the slot alone."""
    fake.daemons = {
        AdType.Startd: [slot("Static", 2), slot("Static", 5, Only=f"&& ({constraint})")]
    }
    assert load_of("", (), {"site": requirements}).parts == {"site": Cores(total=7, busy=0)}
    asked = fake.calls[-1]
    job_slots = 'SlotType == "Static" || SlotType == "Partitionable"'
    assert asked[-1] == f"({job_slots}) && ({constraint})"


def test_a_site_whose_expression_htcondor_cannot_read_has_no_slots(fake: FakeBindings) -> None:
    """The others are told all the same."""
    parts = load_of("", (), {"good": "true", "bad": "x ==", "worse": "a) || (b"}).parts
    assert set(parts) == {"good"}
    assert not any("x ==" in str(call) for call in fake.calls)


def test_a_collector_that_does_not_answer(fake: FakeBindings) -> None:
    fake.fails("collector", "Failed communication with collector.")
    with pytest.raises(PoolUnreachable, match="the collector c does not answer"):
        load_of("c", (), {})


def test_nobody_waits_for_a_collector_for_long(tmp_path: Path) -> None:
    """One that takes the call and says nothing; the bindings themselves would wait for a minute."""
    program = """
import sys
from hepsub.condor.bindings import limit_queries
from hepsub.condor.load import load_of
limit_queries(1.2)
load_of(sys.argv[1], (), {})
"""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", program, f"127.0.0.1:{silent.getsockname()[1]}"],
            capture_output=True,
            text=True,
            check=False,
            env={"HOME": str(tmp_path), "PYTHONPATH": str(Path(hepsub.__file__).parent.parent)},
        )
    assert "PoolUnreachable: the collector" in done.stderr
    assert time.monotonic() - started < 20
