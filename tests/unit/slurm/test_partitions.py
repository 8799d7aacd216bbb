"""What Slurm says of its partitions: texts as 22.05 and 24.11 print them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from hepsub.actions.queue.partitions import Partitions, partitions
from hepsub.cli.text.partitions import partitions as text
from hepsub.errors import UnknownPool
from hepsub.slurm.load import load_of
from hepsub.slurm.partitions import Caller, SlurmLoad, Use, has_accounts, read_load
from hepsub.slurm.rows import SEPARATOR
from tests.fakes.programs import Programs
from tests.fakes.world import as_json, make_policy, make_session

SHOWN = """\
PartitionName=gpu AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL Default=YES DefaultTime=01:00:00 Hidden=NO \
MaxTime=2-00:00:00 RootOnly=NO State=UP
PartitionName=vip AllowGroups=juno,cms AllowAccounts=staff Default=NO DefaultTime=NONE Hidden=NO \
MaxTime=UNLIMITED RootOnly=NO State=DRAIN
PartitionName=hidden AllowGroups=ALL AllowAccounts=ALL Default=NO Hidden=YES MaxTime=10 State=UP
what is no partition
"""
NODES = "".join(
    SEPARATOR.join((*each, "\n"))
    for each in (
        ("gpu*", "g01", "mixed", "6/2/0/8", "16000", "gpu:v100:2(S:0-1)", "gpu:v100:1(IDX:0)"),
        ("gpu*", "g02", "drained*", "0/0/16/16", "32000", "gpu:a100:4", "gpu:a100:0(IDX:N/A)"),
        ("gpu*", "g03", "idle~", "0/8/0/8", "16000", "(null)", "gpu:0"),
        ("vip", "g03", "idle~", "0/8/0/8", "16000", "(null)", "gpu:0"),
        ("vip", "broken", "idle", "0/8/8", "16000", "(null)", ""),
        ("vip",),
    )
)
JOBS = "".join(
    SEPARATOR.join((*each, "\n"))
    for each in (
        ("gpu", "RUNNING", "None"),
        ("gpu,vip", "PENDING", "Resources"),
        ("gpu", "PENDING", "JobHeldUser"),
        ("gpu", "CONFIGURING", "None"),
    )
)


def load(*groups: str, accounts: tuple[str, ...] | None = None) -> SlurmLoad:
    """What is read of these texts for a caller."""
    return read_load(SHOWN, NODES, JOBS, Caller(groups=groups, accounts=accounts))


def test_all_jobs_of_all_users_are_counted(programs: Programs) -> None:
    """Each task of a waiting array has a line of its own: more than other programs ever say."""
    many = 5000
    line = SEPARATOR.join(("gpu", "PENDING", "x" * (2**25 // many), ""))
    programs.add("scontrol", "echo PartitionName=gpu State=UP")
    programs.add("sinfo", "exit 0")
    programs.add("squeue", f"yes '{line}' | head -n {many}")
    assert load_of("alice", ()).idle == many


def test_what_there_is_and_what_becomes_of_it() -> None:
    found = load("juno")
    gpu, vip = found.partitions
    assert (gpu.name, gpu.default, gpu.state) == ("gpu", True, "UP")
    assert (gpu.max_walltime_s, gpu.default_walltime_s) == (172800, 3600)
    assert (gpu.node_cores, gpu.node_memory_mb, gpu.node_gpus) == (16, 32000, 4)
    assert gpu.gpu_types == ("a100", "v100")
    assert gpu.nodes == Use(total=3, free=1, busy=1, other=1)
    assert gpu.cores == Use(total=32, free=10, busy=6, other=16)
    assert gpu.gpus == Use(total=6, free=1, busy=1, other=4)
    assert (gpu.idle_jobs, gpu.running_jobs) == (1, 2)
    assert (vip.max_walltime_s, vip.default_walltime_s, vip.idle_jobs) == (None, None, 1)
    assert (found.cores.total, found.cores.busy, found.idle, found.running) == (32, 6, 1, 2)


@pytest.mark.parametrize(
    ("groups", "accounts", "usable"),
    [
        (("juno",), ("staff",), True),
        (("juno",), ("guests",), False),
        (("juno",), None, None),
        (("physics",), None, False),
        (("physics",), ("staff",), False),
    ],
)
def test_who_may_use_a_partition(
    groups: tuple[str, ...], accounts: tuple[str, ...] | None, *, usable: bool | None
) -> None:
    gpu, vip = load(*groups, accounts=accounts).partitions
    assert (gpu.usable, vip.usable) == (True, usable)
    assert vip.only_for == "group juno, cms; account staff"


def test_accounts_are_asked_for_where_they_matter() -> None:
    assert has_accounts(SHOWN)
    assert has_accounts("PartitionName=a AllowAccounts=ALL DenyAccounts=guests\n")
    assert not has_accounts("PartitionName=a AllowAccounts=ALL\n")


def test_the_table() -> None:
    shown = text(Partitions(pools=("hpc",), partitions=load("physics").partitions))
    header, gpu, vip, _, *below = shown.splitlines()
    assert header.split()[:2] == ["PARTITION", "LONGEST"]
    assert gpu.startswith("gpu (default)  2 d      16 core(s), 31.2 GB, 4 GPU(s) (a100, v100)")
    assert gpu.split()[-12:] == ["3", "1", "1", "1", "32", "10", "6", "6", "1", "1", "2", "yes"]
    assert vip.split()[1] == "any"
    assert vip.endswith("no")
    assert below == [
        "partition vip: only for group juno, cms; account staff",
        "partition vip: Slurm starts no job there now (DRAIN)",
    ]


def test_the_action(tmp_path: Path) -> None:
    policy = make_policy('[pool.hpc]\nkind = "slurm"\n')
    session = make_session(tmp_path, lambda *_: (), policy=policy)
    asked: list[tuple[str, tuple[str, ...]]] = []

    def ask(user: str, groups: Collection[str]) -> SlurmLoad:
        asked.append((user, tuple(groups)))
        return load(*groups)

    shown = as_json(partitions(session, ask).value)
    assert asked == [("alice", ("juno", "physics"))]
    assert shown["pools"] == ["hpc"]
    assert [each["name"] for each in shown["partitions"]] == ["gpu", "vip"]
    with pytest.raises(UnknownPool, match="no pool of the policy is Slurm's"):
        partitions(make_session(tmp_path, lambda *_: ()), ask)
