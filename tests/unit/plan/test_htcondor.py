"""What a user says to HTCondor in its own words."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from hepsub.condor.description import describe
from hepsub.errors import NotOnSlurm, UsageError
from hepsub.plan.htcondor import COMMANDS
from hepsub.plan.model import Plan
from tests.fakes.world import make_policy, make_spec, make_world, plan_for

HERE = '[pool.here]\nkind = "here"\n'
SLURM = '[pool.hpc]\nkind = "slurm"\n'
SPOOL = '[pool.away]\nspool = true\ncollector = "cm.away"\n'
ELEMENT = """
[credential.way]
command = ["cat", "/token"]
[site.far]
kind = "ce"
grid_resource = "condor ce.far ce.far:9619"
token = "way"
isolation = "user"
"""


def plan(*words: str, policy: str = "", unreadable: tuple[str, ...] = ()) -> Plan:
    """The plan of `hep_sub WORDS job.sh`."""
    world = replace(make_world(), unreadable=frozenset(unreadable))
    return plan_for(make_spec(*words, "job.sh"), make_policy(policy), world)


def lines(*words: str, policy: str = "") -> list[str]:
    """The submit description that HTCondor gets, line by line."""
    return describe(plan(*words, policy=policy), "a1-b2").text.splitlines()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("-disk", "20GB"), ["request_disk = 20971520"]),
        (("-disk", "500"), ["request_disk = 512000"]),
        (
            ("-retry", "2"),
            [
                "on_exit_remove = NumJobCompletions > 2 || ExitCode =?= 0",
                "My.JobMaxRetries = 2",
            ],
        ),
        (
            ("-retry", "3:81,134"),
            [
                "on_exit_remove = NumJobCompletions > 3 || !(ExitCode =?= 81 || ExitCode =?= 134)",
                "My.JobMaxRetries = 3",
            ],
        ),
        (("-attr", "WantFlocking=true"), ["My.WantFlocking = true"]),
        (("-attr", '+Kind = "a b"'), ['My.Kind = "a b"']),
        (("-attr", "my.A=B == 1", "-attr", "C=2"), ["My.A = B == 1", "My.C = 2"]),
        (
            ("-require", "TARGET.HasAVX2", "-require", "Memory > 1 || true"),
            ["requirements = (TARGET.HasAVX2) && (Memory > 1 || true)"],
        ),
        (("-rank", "Memory"), ["rank = Memory"]),
        (("-append", "Rank = Memory"), ["rank = Memory"]),
        (("-append", "Concurrency_Limits=a,b:2"), ["concurrency_limits = a,b:2"]),
        (("-append", "request_tapes = 2"), ["request_tapes = 2"]),
        (("-maxidle", "5"), ["max_idle = 5"]),
        (("-maxrun", "7"), ["max_idle = 1000", "max_materialize = 7"]),
        (("-notify", "ERROR"), ["notification = Error"]),
    ],
)
def test_what_is_said_stands_in_the_description(
    words: tuple[str, ...], expected: list[str]
) -> None:
    """Each line once, and nothing else is new."""
    assert sorted(set(lines(*words)) - set(lines())) == sorted(expected)


def test_a_computing_element_is_asked_in_its_own_words() -> None:
    """What the schedd at home would decide, the element's decides."""
    found = lines(
        "-site", "far", "-retry", "2", "-require", "HasAVX2", "-attr", "A=1", policy=ELEMENT
    )
    assert "My.remote_OnExitRemove = NumJobCompletions > 2 || ExitCode =?= 0" in found
    assert "My.remote_JobMaxRetries = 2" in found
    assert "My.remote_Requirements = (HasAVX2)" in found
    assert "My.A = 1" in found
    assert not [each for each in found if each.startswith(("on_exit_remove", "requirements"))]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-attr", "nonsense"), "is not NAME=EXPR"),
        (("-attr", "A=="), "is not NAME=EXPR"),
        (("-attr", "A=1", "-attr", "a=2"), "twice"),
        (("-attr", "HepSub_UUID=1"), "sets itself"),
        (("-attr", "limitdirectoryaccess=undefined"), "sets itself"),
        (("-attr", "WantIOProxy=true"), "sets itself"),
        (("-attr", "WantRemoteUpdates=true"), "sets itself"),
        (("-attr", "TransferOutputRemaps=1"), "sets itself"),
        (("-attr", "StreamOut=true"), "sets itself"),
        (("-attr", "Owner=1"), "sets itself"),
        (("-attr", "A=$$(B)"), "macro"),
        (("-attr", "A=$(B)"), "macro"),
        (("-attr", "A=1\nqueue 5"), "line end"),
        (("-require", "$$([x])"), "macro"),
        (("-append", "queue 10"), "is not NAME = VALUE"),
        (("-append", "queue = 10"), "has an option of its own"),
        (("-append", "include = x"), "no submit command"),
        (("-append", "rank @= x"), "is not NAME = VALUE"),
        (("-append", "want_io_proxy = true"), "no submit command"),
        (("-append", "stream_output = true"), "no submit command"),
        (("-append", "should_transfer_files = no"), "no submit command"),
        (("-append", "My.A = 1"), "is not NAME = VALUE"),
        (("-append", "+A = 1"), "is not NAME = VALUE"),
        (("-append", "REQUIREMENTS = true"), "has an option of its own"),
        (("-append", "kill_sig = a\nqueue"), "line end"),
        (("-append", "kill_sig = 1", "-append", "KILL_SIG = 2"), "twice"),
        (("-append", "rank = 1", "-rank", "2"), "twice"),
        (("-retry", "0"), "is not N"),
        (("-retry", "2:0"), "is not N"),
        (("-retry", "2:256"), "is not N"),
        (("-retry", "-1"), "is not N"),
        (("-retry", "many"), "is not N"),
        (("-retry", "9" * 5000), "is not N"),
        (("-notify", "sometimes"), "none of HTCondor's words"),
    ],
)
def test_what_cannot_be_said(words: tuple[str, ...], said: str) -> None:
    """Each by a sentence of its own; nothing is planned."""
    with pytest.raises(UsageError) as caught:
        plan(*words)
    assert said in caught.value.message
    assert caught.value.remedy


def test_what_htcondor_cannot_read_is_told_by_its_option() -> None:
    """As it was found before the plan was made."""
    with pytest.raises(UsageError, match=r"argument -require: HTCondor cannot read 'a \('"):
        plan("-require", "a (", unreadable=("a (",))


def test_the_embedded_pool_is_no_htcondor() -> None:
    """But for disk, which costs nothing there."""
    for words in (("-attr", "A=1"), ("-retry", "2"), ("-notify", "error"), ("-maxrun", "3")):
        with pytest.raises(UsageError, match=f"{words[0]}: the embedded pool"):
            plan("-p", "here", *words, policy=HERE)
    assert plan("-p", "here", "-disk", "2GB", policy=HERE).disk_mb == 2048


def test_jobs_that_are_handed_over_are_made_at_once() -> None:
    """So nothing makes them as they are needed."""
    with pytest.raises(UsageError, match="-maxidle and -maxrun"):
        plan("-p", "away", "-maxrun", "3", policy=SPOOL)


def test_slurm_has_all_jobs_from_the_beginning() -> None:
    """So many may run at a time, and none is kept back."""
    with pytest.raises(NotOnSlurm, match="-maxidle") as caught:
        plan("-p", "hpc", "-maxidle", "3", policy=SLURM)
    assert "-maxrun" in caught.value.remedy
    assert plan("-p", "hpc", "-maxrun", "3", policy=SLURM).factory_most == 3


def test_no_command_is_both_known_and_refused() -> None:
    """The two lists are apart."""
    for name in sorted(COMMANDS):
        found = lines("-append", f"{name} = 1")
        assert f"{name} = 1" in found
