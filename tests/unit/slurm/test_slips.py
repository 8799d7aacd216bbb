"""What is kept of submissions to Slurm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hepsub.files import lock_open
from hepsub.slurm.ends import End, ends_in, ends_of
from hepsub.slurm.slips import Slip, Slips

UUID = "e0339dba-f0a8-4ea4-80f9-8134af13c661"


def slip(**said: object) -> Slip:
    """A slip like the usual one but for some of its fields."""
    usual: dict[str, object] = {"uuid": UUID, "pool": "hpc", "number": 3, "submitted": 2e9}
    return Slip(**(usual | said))  # type: ignore[arg-type]


def test_a_submission_that_was_interrupted_is_found_when_nobody_makes_it(tmp_path: Path) -> None:
    making, other = Slips(directory=tmp_path / "slurm"), Slips(directory=tmp_path / "slurm")
    making.begin(slip())
    assert list(other.interrupted()) == []
    os.close(making.gates.pop(UUID))  # as when the process ends
    (found,) = other.interrupted()
    assert (found.uuid, found.cluster) == (UUID, 0)
    other.know(found, 4711)
    other.open(UUID)
    assert list(Slips(directory=tmp_path / "slurm").interrupted()) == []
    assert [each.cluster for each in other.all()] == [4711]
    known = other.of_cluster("hpc", 4711)
    assert known is not None
    assert (known.uuid, other.of_cluster("hpc", 12), other.waiting()) == (UUID, None, ())


def test_jobs_that_wait_to_be_released_can_be_taken_back(tmp_path: Path) -> None:
    """By another process, while this one makes them; nothing is noted of others."""
    making, other = Slips(directory=tmp_path), Slips(directory=tmp_path)
    making.begin(slip())
    assert not making.is_cancelled(UUID)
    other.cancel(UUID)
    other.cancel("f" * 36)
    assert (making.is_cancelled(UUID), other.is_cancelled("f" * 36)) == (True, False)
    assert other.waiting() == (UUID,)


def test_old_ones_are_forgotten(tmp_path: Path) -> None:
    """With the gate of one that nobody could release, and not the name of a cluster that is another's by now."""
    slips = Slips(directory=tmp_path)
    slips.begin(slip(uuid="d" * 36))
    for each in (slip(submitted=1e9), slip(uuid="f" * 36)):
        slips.begin(each)
        slips.know(each, 4711)
    os.utime(tmp_path / ".pruned", (1e9, 1e9))
    slips.begin(slip(uuid="e" * 36))
    assert [each.uuid for each in slips.all()] == ["d" * 36, "e" * 36, "f" * 36]
    assert slips.waiting() == ("d" * 36, "e" * 36, "f" * 36)
    known = slips.of_cluster("hpc", 4711)
    assert known is not None
    slips.forget(known)
    assert list((tmp_path / "clusters").iterdir()) == []


def test_a_gate_that_was_opened_while_it_was_looked_at_is_nobodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    making, other = Slips(directory=tmp_path), Slips(directory=tmp_path)
    making.begin(slip())

    def lock_late(descriptor: int) -> bool:
        making.open(UUID)
        return lock_open(descriptor)

    monkeypatch.setattr("hepsub.slurm.slips.lock_open", lock_late)
    assert list(other.interrupted()) == []


def test_a_submission_that_begins_is_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not between the moment in which its gate is made and that in which it is locked either."""
    making, other = Slips(directory=tmp_path), Slips(directory=tmp_path)
    found: list[Slip] = []

    def lock_late(descriptor: int) -> bool:
        monkeypatch.undo()
        for each in other.interrupted():
            found.append(each)
            other.forget(each)
        return lock_open(descriptor)

    monkeypatch.setattr("hepsub.slurm.slips.lock_open", lock_late)
    making.begin(slip())
    assert found == []
    assert (making.waiting(), making.find(UUID)) == ((UUID,), slip())
    making.open(UUID)
    assert list((tmp_path / "gates").iterdir()) == []


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("7 100 160 hpc01\n", End(code=7, began=100, ended=160, host="hpc01")),
        ("0 100 160 \n", End(code=0, began=100, ended=160, host="")),
        ("0 100 160 - \n", End(code=0, began=100, ended=160, host="")),
        (
            "143 100 160 hpc01 TERM\n",
            End(code=143, began=100, ended=160, host="hpc01", told="TERM"),
        ),
        ("", None),
        ("7 100", None),
        ("-1 2 3 x", None),
        ("7 100 160 a b c", None),
        ("9" * 400, None),
        ("256 100 160 hpc01\n", None),
        ("0 160 100 hpc01\n", None),
        ("0 100 99999999999 hpc01\n", None),
    ],
)
def test_what_a_job_noted_is_data(tmp_path: Path, text: str, end: End | None) -> None:
    slips = Slips(directory=tmp_path)
    slips.begin(slip())
    (slips.place(UUID) / "ends/2").write_text(text)
    (slips.place(UUID) / "ends/1").symlink_to("/etc/passwd")
    (slips.place(UUID) / "ends/x").write_text("0 1 2 y")
    expected = {2: end} if end else {}
    assert ends_in(slips.place(UUID), 5) == ends_of(slips.place(UUID), range(3)) == expected


def test_where_logs_are() -> None:
    alike = slip(cluster=4711, logs=(("/d/o.%A.%a", "/d/e.%a"),))
    assert alike.logs_of(2) == ("/d/o.4711.2", "/d/e.2")
    single = slip(cluster=4711, logs=(("/d/a", "/d/b"), ("/d/c.%A", "/d/50%%.%%a"), ("", "")))
    assert single.logs_of(1) == ("/d/c.4711", "/d/50%.%a")
    assert single.logs_of(3) == slip().logs_of(0) == ("", "")
