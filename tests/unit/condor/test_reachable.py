"""A host that is gone is noticed soon: before HTCondor waits for it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import classad2
import pytest

from hepsub.apart import Lost
from hepsub.condor import reachable
from hepsub.condor.bindings import bindings, configured
from hepsub.condor.collector import ScheddAddress, find_schedds
from hepsub.condor.connection import Connection
from hepsub.condor.reachable import check_reachable
from hepsub.errors import PoolUnreachable


@pytest.fixture
def port() -> Iterator[int]:
    """Give a port at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.fixture
def closed() -> int:
    """Give a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "localhost:{}", "<127.0.0.1:{}?sock=schedd_1>"])
def test_who_listens_is_there(port: int, form: str) -> None:
    check_reachable(form.format(port), "the collector")


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "<127.0.0.1:{}?addrs=127.0.0.1-{}>"])
def test_who_does_not_is_not(closed: int, form: str) -> None:
    """And is asked again the next time."""
    for _ in range(2):
        with pytest.raises(
            PoolUnreachable, match=r"^the collector does not answer \(Connection refused\)$"
        ):
            check_reachable(form.format(closed, closed), "the collector")


@pytest.mark.parametrize("host", ["cm..test.hep", "c" * 70])
def test_a_name_that_no_host_can_have_is_not_reached(host: str) -> None:
    """A slip of the finger in the policy; Python has no OSError for it."""
    with pytest.raises(PoolUnreachable, match=r"^the collector does not answer \(no host has"):
        check_reachable(host, "the collector")


def test_a_collector_that_says_nothing_is_not_waited_for(port: int) -> None:
    """It takes connections, as one that hangs does; whoever is asked next has HTCondor's own patience."""
    param = bindings().param
    before = param["QUERY_TIMEOUT"]
    begin = time.monotonic()
    with pytest.raises(PoolUnreachable):
        find_schedds(f"127.0.0.1:{port}", patience_s=1)
    assert time.monotonic() - begin < 10
    assert param["QUERY_TIMEOUT"] == before


def test_a_command_that_has_less_patience_than_a_pool_keeps_it(port: int) -> None:
    """hep_auth waits five seconds for everything (limit_queries), a pool's collector may have ten."""
    begin = time.monotonic()
    with configured("QUERY_TIMEOUT", "1"), pytest.raises(PoolUnreachable):
        find_schedds(f"127.0.0.1:{port}", patience_s=8)
    assert time.monotonic() - begin < 6


@pytest.mark.parametrize("ask", ["query", "history"])
def test_a_schedd_that_says_nothing_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, port: int, ask: str
) -> None:
    """Each time it is asked; HTCondor itself would wait for 20 s, or two minutes."""
    monkeypatch.setattr(reachable, "SILENCE_S", 1)
    address = f"<127.0.0.1:{port}>"
    place = {"Name": "s", "MyAddress": address, "CondorVersion": "$CondorVersion: 25.14.1 $"}
    ad = classad2.ClassAd(place | {"MyType": "Scheduler", "Machine": "s"})
    there = ScheddAddress(name="s", machine="s", version="25", ad=ad)
    far = Connection(address=there, obtain_token=lambda _: False, far=True)
    for _ in range(2):
        begin = time.monotonic()
        with pytest.raises(PoolUnreachable, match="the schedd s takes connections and says nothi"):
            far.call(lambda schedd: list(getattr(schedd, ask)("true", ["ClusterId"])))
        assert time.monotonic() - begin < 10


def test_a_schedd_that_answers_is_asked_once_whether_it_does(
    monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    """Whatever it says, a refusal too."""
    asked: list[int] = []

    def answers(calls: dict[str, object], _within_s: float) -> dict[str, bool]:
        asked.append(1)
        return dict.fromkeys(calls, True)

    monkeypatch.setattr(reachable, "side_by_side", answers)
    for _ in range(2):
        reachable.check_answers(f"<127.0.0.1:{port}>", {}, "the schedd s")
    assert asked == [1]


def test_whoever_asks_may_be_killed(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """That is said of the schedd's name, and the next command asks again."""
    lost = Lost("its process ended without an answer")
    monkeypatch.setattr(reachable, "side_by_side", lambda calls, _: dict.fromkeys(calls, lost))
    for _ in range(2):
        with pytest.raises(
            PoolUnreachable, match=r"^the schedd s could not be asked: its process ended without"
        ):
            reachable.check_answers(f"<127.0.0.1:{port}?dead>", {}, "the schedd s")


@pytest.mark.parametrize(
    "form",
    [
        "",
        "one:{0},two:{0}",
        "<127.0.0.1:{0}?CCBID=127.0.0.1:1%23>",
        "<127.0.0.1:{0}?PrivNet=cluster>",
        "127.0.0.1:{0}?sock=collector",
    ],
)
def test_who_is_reached_in_another_way_is_left_to_htcondor(closed: int, form: str) -> None:
    """By a broker, in a private network, or one of several."""
    check_reachable(form.format(closed), "the collector")
