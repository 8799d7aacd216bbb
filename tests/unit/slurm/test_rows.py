"""What squeue prints → jobs."""

from __future__ import annotations

import pytest

from hepsub.batch import State
from hepsub.batch_offers import Offer
from hepsub.slurm.explain import explain
from hepsub.slurm.quantities import megabytes, seconds
from hepsub.slurm.rows import Row, read_nodes, read_rows, squeue_format
from tests.fakes.slurm import USUAL

TOKEN = "0123456789abcdef"
UUID = "e0339dba-f0a8-4ea4-80f9-8134af13c661"
PENDING = USUAL | {"Comment": f"hepsub:{UUID}:key 1"}


def printed(*rows: dict[str, str]) -> str:
    """As squeue prints them."""
    return "".join("".join(f"{value}\x1f" for value in row.values()) + f"{TOKEN}\n" for row in rows)


def one(**said: str) -> Row:
    """A job like the usual one but for some of its fields."""
    (row,) = read_rows(printed(PENDING | said), TOKEN)
    return row


def test_a_job_that_waits() -> None:
    row = one()
    assert (row.cluster, row.tasks, row.is_array, row.state) == (
        4711,
        (range(3, 4),),
        True,
        State.IDLE,
    )
    assert (row.memory_mb, row.cpus, row.nice, row.limit_s) == (4000, 2, -5, 122_400)
    assert (row.uuid, row.once, row.exit_code, row.has_ended) == (UUID, "key 1", None, False)


def test_a_job_that_is_no_array() -> None:
    row = one(ArrayTaskID="N/A", ArrayJobID="88", JobID="88", Comment="(null)")
    assert (row.cluster, row.proc, row.is_array, row.uuid) == (88, 0, False, "")


@pytest.mark.parametrize(
    ("state", "reason", "letter"),
    [
        ("PENDING", "JobHeldUser", State.HELD),
        ("PENDING", "JobHeldAdmin", State.HELD),
        ("RUNNING", "JobHeldUser", State.RUNNING),
        ("PENDING", "job requeued in held state", State.HELD),
        ("COMPLETING", "job requeued in held state", State.HELD),
        ("CONFIGURING", "None", State.RUNNING),
        ("COMPLETING", "None", State.RUNNING),
        ("SUSPENDED", "None", State.SUSPENDED),
        ("REQUEUE_HOLD", "None", State.HELD),
        ("SPECIAL_EXIT", "None", State.HELD),
        ("PENDING", "BeginTime", State.IDLE),
        ("TIMEOUT", "TimeLimit", State.COMPLETED),
        ("OUT_OF_MEMORY", "None", State.COMPLETED),
        ("CANCELLED", "None", State.REMOVED),
        ("CANCELLED", "job requeued in held state", State.REMOVED),
        ("NODE_FAIL", "JobHeldAdmin", State.COMPLETED),
    ],
)
def test_states(state: str, reason: str, letter: State) -> None:
    assert one(State=state, Reason=reason).state is letter


@pytest.mark.parametrize(
    ("text", "state", "expected"),
    [
        ("7:0", "FAILED", (7, None)),
        ("0:15", "FAILED", (None, 15)),
        ("1792", "FAILED", (7, None)),
        ("15", "FAILED", (None, 15)),
        ("0:0", "COMPLETED", (0, None)),
        ("0:0", "RUNNING", (None, None)),
        ("0:0", "NODE_FAIL", (None, None)),
        ("0:0", "TIMEOUT", (None, None)),
        ("0", "TIMEOUT", (None, None)),
        ("0:0", "OUT_OF_MEMORY", (None, None)),
        ("x", "FAILED", (None, None)),
    ],
)
def test_exit_codes_of_both_versions(
    text: str, state: str, expected: tuple[int | None, int | None]
) -> None:
    row = one(exit_code=text, State=state)
    assert (row.exit_code, row.exit_signal) == expected


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0:08", 8),
        ("10:30", 630),
        ("1:00:01", 3601),
        ("2-00:00:00", 172_800),
        ("00:01.193", 1.193),
        ("UNLIMITED", 0),
        ("", 0),
    ],
)
def test_times(text: str, number: float) -> None:
    assert seconds(text) == number


def test_a_name_may_hold_anything() -> None:
    """Whoever does not know the token makes no row of another's job, and lets none vanish."""
    forged = "\x1f".join((PENDING | {"JobID": "1", "UserName": "bob"}).values())
    evil = ("a\nb|c", "\x1f" * 30, f"x\x1f\n{forged}\x1f")
    texts = [PENDING | {"Name": each} for each in evil] + [PENDING | {"Comment": evil[1]}]
    rows = list(read_rows(printed(*texts, PENDING | {"ArrayTaskID": "4"}), TOKEN))
    assert [(row.proc, row.owner) for row in rows] == [(3, "alice")] * 4 + [(4, "alice")]
    assert rows[0].name == "a\nb|c"
    assert list(read_rows("\x1f" * 57 + "garbage", TOKEN)) == []
    assert squeue_format(TOKEN).endswith(f"Name:\x1f{TOKEN}")


@pytest.mark.parametrize(
    ("reason", "sentence", "command"),
    [
        ("Priority", "idle: jobs with a higher priority go first", ""),
        ("Resources", "idle: it is the next one, as soon as cores and memory are free", ""),
        (
            "PartitionTimeLimit",
            "idle, and will not start: 1 d 10 h is more than its partition normal allows",
            "hep_rm hpc:4711.3, and submit it with less",
        ),
        ("AssocGrpCpuLimit", "idle: a limit of your account (AssocGrpCpuLimit)", ""),
        (
            "QOSMaxCpuPerUserLimit",
            "idle: you have as much in use as the QOS allows one user (QOSMaxCpuPerUserLimit)",
            "",
        ),
        (
            "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions",
            "idle: no node that is up and free for it has what it asks for; such nodes are down, drained or reserved,"
            " or there are none",
            "",
        ),
        (
            "InvalidAccount",
            "idle, and will not start: Slurm does not know its account",
            "hep_rm hpc:4711.3, and submit it with another account",
        ),
        ("SomethingNew", "idle: Slurm says SomethingNew", ""),
        ("JobHeldUser", "on hold: you hold it", "hep_release hpc:4711.3"),
        (
            "JobHeldAdmin",
            "on hold: an administrator of Slurm holds it; only they can release it",
            "",
        ),
        (
            "job requeued in held state",
            "on hold: its run was ended for that, and it begins anew when it is released",
            "hep_release hpc:4711.3",
        ),
    ],
)
def test_reasons_in_words(reason: str, sentence: str, command: str) -> None:
    advice = explain(one(Reason=reason), "hpc:4711.3")
    assert (advice.sentence, advice.next_command) == (sentence, command)


@pytest.mark.parametrize("state", ["RUNNING", "COMPLETED"])
def test_a_job_that_does_not_wait_any_more_has_no_reason(state: str) -> None:
    """Its reason is None, which of a job that waits means something else."""
    for row in (one(State=state, Reason="None"), None):
        assert explain(row, "4711.3").sentence.startswith("it has started, or left the queue")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("512K", 0.5),
        ("2000", 2000),
        ("1.5G", 1536),
        ("2T", 2**21),
        ("1.5.5G", 0),
        (".", 0),
        ("", 0),
        ("G", 0),
    ],
)
def test_amounts(text: str, number: float) -> None:
    assert megabytes(text) == number


def test_nodes() -> None:
    printed = (
        "8|16000|0|(null)\n8|16000|0|(null)\n64|256000|9000|gpu:a100:4(S:0-1),mps:400\n2|x|0|\n"
    )
    assert read_nodes(printed) == {
        Offer(memory_mb=256_000, cpus=64, disk_mb=9000, gpus=4),
        Offer(memory_mb=16_000, cpus=8, disk_mb=1 << 30, gpus=0),
    }


@pytest.mark.parametrize(
    ("reason", "mixed"),
    [
        ("JobHeldUser", False),
        ("JobHeldUser,Resources", True),
        ("Resources,Priority", False),
        ("Resources,JobHeldAdmin", True),
        ("Nodes required for job are DOWN, DRAINED or reserved", False),
    ],
)
def test_tasks_that_squeue_shows_as_one_though_they_differ(reason: str, *, mixed: bool) -> None:
    assert one(Reason=reason, ArrayTaskID="0-99%5").is_mixed is mixed
