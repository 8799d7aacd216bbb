"""Which rclone is taken, and what its cache tells of writes that were not sent."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from hepsub.errors import ToolFailed
from hepsub.tools.rclone import find_rclone, mark_pending, pending, unreadable
from tests.fakes.programs import write_program


def cached(cache: Path, name: str, body: bytes, meta: str | None) -> None:
    """Put a file and its document into a cache."""
    for tree, content in (("vfs", body), ("vfsMeta", None if meta is None else meta.encode())):
        if content is not None:
            path = cache / tree / "store" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


DIRTY = json.dumps({"Size": 4, "Rs": [{"Pos": 0, "Size": 4}], "Fingerprint": "", "Dirty": True})
CLEAN = json.dumps({"Size": 4, "Rs": None, "Fingerprint": "4,x", "Dirty": False})


def test_only_what_is_dirty_is_pending(tmp_path: Path) -> None:
    cached(tmp_path, "user/a/dirty", b"1234", DIRTY)
    cached(tmp_path, "user/a/clean", b"1234", CLEAN)
    (found,) = pending(tmp_path)
    assert (found.name, found.size) == ("user/a/dirty", 4)
    assert unreadable(tmp_path) == ()


def test_no_cache_has_nothing_pending(tmp_path: Path) -> None:
    assert pending(tmp_path / "none") == ()


@pytest.mark.parametrize(
    "meta",
    [
        "",
        "{",
        "[]",
        '"x"',
        "\x00",
        '{"Dirty": 1}',
        '{"Dirty": false, "Rs": ' + "[" * 10**5,
        '{"Size": ' + "9" * 5000 + "}",
    ],
)
def test_what_cannot_be_read_counts_as_pending(tmp_path: Path, meta: str) -> None:
    """Better to wait for nothing than to lose something."""
    cached(tmp_path, "user/f", b"1234", meta)
    assert [each.name for each in pending(tmp_path)] == ["user/f"]
    assert [each.name for each in unreadable(tmp_path)] == ["user/f"]


def test_a_file_without_a_document_counts_as_pending(tmp_path: Path) -> None:
    """Whole or with holes: nobody knows what was written to it; what is documented is counted once."""
    cached(tmp_path, "user/g", b"1234", None)
    cached(tmp_path, "user/f", b"1234", DIRTY)
    cached(tmp_path, "user/clean", b"1234", CLEAN)
    cached(tmp_path, "user/part", b"", None)
    with (tmp_path / "vfs/store/user/part").open("r+b") as file:
        file.truncate(10_000_000)
    assert [each.name for each in pending(tmp_path)] == ["user/f", "user/g", "user/part"]
    assert [each.name for each in unreadable(tmp_path)] == ["user/g", "user/part"]


def test_marked_it_is_pending_as_a_whole(tmp_path: Path) -> None:
    cached(tmp_path, "user/f", b"1234", "")
    mark_pending(unreadable(tmp_path)[0])
    assert unreadable(tmp_path) == ()
    (found,) = pending(tmp_path)
    document = json.loads(found.meta.read_text())
    assert document["Rs"] == [{"Pos": 0, "Size": 4}]
    assert document["Dirty"]


def test_a_file_with_holes_was_read_only_in_part(tmp_path: Path) -> None:
    cached(tmp_path, "user/whole", b"1" * 8192, "")
    cached(tmp_path, "user/part", b"", "")
    with (tmp_path / "vfs/store/user/part").open("r+b") as file:
        file.truncate(10_000_000)
    whole = {each.name: each.is_whole for each in unreadable(tmp_path)}
    assert whole == {"user/whole": True, "user/part": False}


def test_a_broken_rclone_does_not_hide_a_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside Python there may be one for another processor; where no other is, its trouble is told."""
    for name in ("venv", "system"):
        (tmp_path / name).mkdir()
    beside = write_program(tmp_path / "venv" / "rclone", "#!/nonexistent/interpreter\n")
    monkeypatch.setattr(sys, "executable", str(beside.with_name("python3")))
    monkeypatch.setenv("PATH", f"{tmp_path}/system:/usr/bin:/bin")
    good = write_program(tmp_path / "system" / "rclone", "#!/bin/sh\necho rclone v1.70.1\n")
    assert find_rclone() == str(good)
    good.write_text("#!/bin/sh\necho rclone v1.10.0\n")
    with pytest.raises(ToolFailed, match=str(beside)):
        find_rclone()
