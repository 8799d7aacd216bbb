"""hep_clus without -walltime: the pools and the sites, and what a user needs to go there."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hepsub.actions.queue.sites import Asked, PoolRow, SiteRow, Sites, sites
from hepsub.batch import State
from hepsub.batch_system import BatchSystem
from hepsub.cli.text.sites import sites as text
from hepsub.condor.load import Cores, Load
from hepsub.errors import PoolUnreachable, UnknownGroup
from hepsub.result import Problem
from hepsub.session import Session
from tests.fakes.batch import FakeSchedd, as_batch_systems, make_job
from tests.fakes.credentials import FakeSource
from tests.fakes.world import NOON, as_json, make_policy, make_session, make_situation

POLICY = """
[pool.local]
collector = "cm.example.org"
[pool.far]
spool = true
token = "far"
[pool.dead]
[group.juno]
[group.cms]
[group.physics]
[credential.far]
kind = "token"
[credential.iam]
kind = "token"
[site.glide]
requirements = 'G == "glide"'
identity = "g@x"
credentials = ["iam"]
isolation = "slot"
groups = ["juno", "cms"]
max_memory = "4 GB"
max_cpus = 8
max_walltime = "24 h"
[site.ce]
kind = "ce"
grid_resource = "condor ce ce.example.net:9619"
token = "far"
isolation = "user"
groups = ["cms"]
[site.pool]
kind = "schedd"
pool = "far"
pledged = false
isolation = "user"
[site.open]
requirements = "Open"
shared_filesystem = true
arch = ""
"""
GONE = PoolUnreachable("the collector does not answer", remedy="try again")


class Pools:
    """A pool that answers, one elsewhere, and one that is away."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...], dict[str, str]]] = []

    def connect(self, name: str, rules: Any) -> tuple[BatchSystem, ...]:
        if name == "dead":
            raise GONE
        if name == "here":
            jobs = [make_job("1.0", State.IDLE), make_job("1.1", State.RUNNING)]
            return as_batch_systems(FakeSchedd(name="login01", jobs=jobs))(name, rules)
        names = ("schedd01.a", "schedd02.a") if name == "local" else ("schedd01.b",)
        return as_batch_systems(*(FakeSchedd(name=each) for each in names))(name, rules)

    def load(self, collector: str, schedds: Collection[str], parts: Mapping[str, str]) -> Load:
        self.asked.append((collector, tuple(schedds), dict(parts)))
        cores = {name: Cores(total=10, busy=4) for name in parts if name != "open"}
        return Load(cores=Cores(total=100, busy=60), idle=7, running=60, parts=cores)


@pytest.fixture
def pools() -> Pools:
    return Pools()


def session(tmp_path: Path, pools: Pools, policy: str = POLICY) -> Session:
    sources = {
        "far": FakeSource(name="far"),
        "iam": FakeSource(name="iam", trouble=PoolUnreachable("no token", remedy="log in")),
    }
    return make_session(
        tmp_path,
        pools.connect,
        policy=make_policy(policy),
        situation=make_situation(cwd=tmp_path),
        sources=sources,
    )


def here(calls: Mapping[str, Callable[[], Asked]], _within_s: float) -> dict[str, Asked]:
    """Called in this process, where it is seen what they do."""
    return {name: call() for name, call in calls.items()}


def test_the_pools_and_how_busy_they_are(tmp_path: Path, pools: Pools) -> None:
    """One that is away says so in its row, and the command has done what it was asked."""
    result = sites(session(tmp_path, pools), None, pools.load)
    busy: dict[str, Any] = {"cores": Cores(total=100, busy=60), "idle": 7, "running": 60}
    why = Problem(code=GONE.code, message=GONE.message, remedy=GONE.remedy)
    rows = {each.name: each for each in result.value.pools}
    assert rows == {
        "local": PoolRow(name="local", schedds=("schedd01.a", "schedd02.a"), default=True, **busy),
        "far": PoolRow(name="far", schedds=("schedd01.b",), **busy),
        "dead": PoolRow(name="dead", problem=why),
        "here": PoolRow(name="here", schedds=("login01",), idle=1, running=1),
    }
    assert (result.exit_code, result.problems) == (0, ())


def test_a_pool_that_answers_nothing_in_time_says_so(tmp_path: Path, pools: Pools) -> None:
    """In its row; the others are there."""

    def all_but_one(calls: Mapping[str, Callable[[], Asked]], within_s: float) -> dict[str, Asked]:
        return {name: each for name, each in here(calls, within_s).items() if name != "local"}

    rows = sites(session(tmp_path, pools), None, pools.load, all_but_one).value.pools
    said = {row.name: row.problem.message for row in rows if row.problem is not None}
    assert said == {"local": "it does not answer within 20 s", "dead": GONE.message}
    assert next(row for row in rows if row.name == "local").default


def test_a_pool_whose_asking_failed_says_so(tmp_path: Path, pools: Pools) -> None:
    """The process that asked was killed: the others are there."""

    def killed(collector: str, schedds: Collection[str], parts: Mapping[str, str]) -> Load:
        if collector:
            os.kill(os.getpid(), signal.SIGKILL)
        return pools.load(collector, schedds, parts)

    rows = sites(session(tmp_path, pools), None, killed).value.pools
    said = {row.name: row.problem.message for row in rows if row.problem is not None}
    lost = "it could not be asked: its process ended without an answer"
    assert said == {"local": lost, "dead": GONE.message}


def test_a_collector_is_asked_for_the_slots_that_joined_its_pool(
    tmp_path: Path, pools: Pools
) -> None:
    """By requirements and identity, as the jobs are."""
    sites(session(tmp_path, pools), None, pools.load, here)
    glide = '(G == "glide") && TARGET.AuthenticatedIdentity == "g@x"'
    assert sorted(pools.asked) == [
        ("", ("schedd01.b",), {}),
        ("cm.example.org", ("schedd01.a", "schedd02.a"), {"glide": glide, "open": "Open"}),
    ]


def test_the_sites(tmp_path: Path, pools: Pools) -> None:
    """How they are reached, what is there, and what is needed."""
    rows = {
        each.name: each for each in sites(session(tmp_path, pools), None, pools.load).value.sites
    }
    said = {
        name: (each.kind, each.via, each.groups, each.any_group, each.cores, each.isolation)
        for name, each in rows.items()
    }
    assert said == {
        "glide": ("glidein", "pool local", ("juno",), False, Cores(total=10, busy=4), "slot"),
        "ce": ("ce", "ce.example.net:9619", (), False, None, "user"),
        "pool": (
            "schedd",
            "pool far",
            ("juno", "physics"),
            True,
            Cores(total=100, busy=60),
            "user",
        ),
        "open": ("glidein", "pool local", ("juno", "physics"), True, None, ""),
    }
    glide: SiteRow = rows["glide"]
    assert (glide.max_cpus, glide.max_memory_mb, glide.max_walltime_s) == (8, 4096, 86400)
    needed = {
        name: [(one.name, one.good, one.expires is not None) for one in each.credentials]
        for name, each in rows.items()
    }
    assert needed == {
        "glide": [("iam", False, False)],
        "ce": [("far", True, True)],
        "pool": [("far", True, True)],
        "open": [],
    }


def test_the_sites_of_a_group(tmp_path: Path, pools: Pools) -> None:
    value = sites(session(tmp_path, pools), "cms", pools.load).value
    assert {each.name: each.groups for each in value.sites} == dict.fromkeys(
        ("glide", "ce", "pool", "open"), ("cms",)
    )
    value = sites(session(tmp_path, pools), "physics", pools.load).value
    assert [each.name for each in value.sites] == ["pool", "open"]
    with pytest.raises(UnknownGroup) as caught:
        sites(session(tmp_path, pools), "jun", pools.load)
    assert caught.value.remedy == "did you mean 'juno'?"


def test_without_sites_the_pools_are_shown(tmp_path: Path, pools: Pools) -> None:
    value = sites(session(tmp_path, pools, "[pool.local]\n"), None, pools.load).value
    assert (value.sites, value.now) == ((), NOON)
    assert "SITE" not in text(value)


def test_the_json_is_the_values_fields(tmp_path: Path, pools: Pools) -> None:
    value = sites(session(tmp_path, pools), None, pools.load).value
    document = as_json(value)
    assert set(document) == {"pools", "sites", "now"}
    assert msgspec.json.decode(json.dumps(document), type=Sites) == value


def test_the_text(tmp_path: Path, pools: Pools) -> None:
    """Two tables, and what is wrong below them."""
    lines = text(sites(session(tmp_path, pools), None, pools.load).value).splitlines()
    rows = {line.split()[0]: line.split() for line in lines if line}
    assert rows["POOL"] == ["POOL", "SCHEDDS", "CORES", "BUSY", "IDLE", "JOBS", "RUNNING"]
    assert rows["local"] == ["local", "(default)", "schedd01,", "schedd02", "100", "60", "7", "60"]
    assert rows["dead"] == ["dead", "(pool-unreachable)", "-", "-", "-", "-"]
    assert rows["here"] == ["here", "login01", "-", "-", "1", "1"]
    shown = {line.split("  ")[0]: " ".join(line.split()) for line in lines if "  " in line}
    assert "glidein pool local" in shown["glide"]
    assert "8 core(s), 4.0 GB, 1 d juno" in shown["glide"]
    assert "iam (pool-unreachable)" in shown["glide"]
    assert "schedd, by opportunity" in shown["pool"]
    assert "far until" in shown["ce"]
    assert "none of yours" in shown["ce"]
    assert shown["open"].endswith("nothing")
    assert "any shared" in shown["open"]
    assert lines[-3:] == [
        "pool dead: the collector does not answer; try again",
        "token iam: no token; log in",
        "no credentials, signed URLs or secret variables go to open: nothing keeps the jobs of its users apart",
    ]
