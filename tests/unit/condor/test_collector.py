"""What a collector is asked, and how its silence is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepsub.condor.collector import ScheddAddress, find_schedds, find_slots, token_directory
from hepsub.errors import PoolUnreachable
from tests.fakes.htcondor import AdType, FakeBindings, put_in_place

HERE = {"Name": "ap", "Machine": "ap.test.hep", "CondorVersion": "25", "MyAddress": "<127.0.0.1:1>"}


@pytest.fixture
def htcondor(monkeypatch: pytest.MonkeyPatch) -> FakeBindings:
    """Give bindings in memory with two schedds."""
    return put_in_place(
        monkeypatch, FakeBindings(daemons={AdType.Schedd: [{**HERE, "Name": "b"}, HERE]})
    )


@pytest.mark.parametrize("collector", ["", "cm:9618"])
def test_schedds_are_named_in_order(htcondor: FakeBindings, collector: str) -> None:
    first, second = find_schedds(collector)
    ad = {**HERE}
    assert first == ScheddAddress(name="ap", machine="ap.test.hep", version="25", ad=ad)
    assert second.name == "b"
    wanted = ("Name", "Machine", "CondorVersion", "MyAddress")
    assert htcondor.calls == [("collector", collector, AdType.Schedd, wanted)]
    assert find_slots(collector) == []
    kinds = 'SlotType == "Static" || SlotType == "Partitionable"'
    assert htcondor.calls[1:] == [("collector", collector, AdType.Startd, kinds)]


def test_a_configuration_that_is_away_matters_where_no_collector_is_named(
    htcondor: FakeBindings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONDOR_CONFIG", "/cvmfs/away/condor_config")
    with pytest.raises(PoolUnreachable) as caught:
        find_schedds("")
    assert caught.value.message == (
        "HTCondor's configuration /cvmfs/away/condor_config, which CONDOR_CONFIG names, is not there"
    )
    remedy = "correct the variable, or make the file's file system available"
    assert caught.value.remedy == remedy
    assert htcondor.calls == []
    assert len(find_schedds("cm")) == 2


@pytest.mark.parametrize(
    ("said", "collector", "message", "remedy"),
    [
        ("Unable to determine collector host", "", "no HTCondor pool is configured on this machine",
         'log in to a submit node, or name the pool in ~/.config/hepsub/config.toml: [pool.local] collector = "HOST"'),
        ("No route.", "cm", "the collector cm does not answer (No route)",
         "try again in a minute; when it stays away, tell the administrators of the pool"),
        ("No route", "", "the collector central does not answer (No route)",
         "try again in a minute; when it stays away, tell the administrators of the pool"),
    ],
)  # fmt: skip
def test_a_collector_that_does_not_answer(
    htcondor: FakeBindings, said: str, collector: str, message: str, remedy: str
) -> None:
    htcondor.param["COLLECTOR_HOST"] = "central"
    htcondor.fails("collector", said, said)
    for ask in (find_schedds, find_slots):
        with pytest.raises(PoolUnreachable) as caught:
            ask(collector)
        assert (caught.value.message, caught.value.remedy) == (message, remedy)


def test_where_tokens_lie(htcondor: FakeBindings) -> None:
    assert token_directory(Path("/home/a")) == Path("/home/a/.condor/tokens.d")
    htcondor.param["SEC_TOKEN_DIRECTORY"] = "/etc/tokens"
    assert token_directory(Path("/home/a")) == Path("/etc/tokens")
