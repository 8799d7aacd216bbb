"""What is mounted where, and whether it answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hepsub.errors import FuseUnavailable
from hepsub.tools import fuse
from hepsub.tools.fuse import Answer, Mounted
from tests.fakes.programs import write_program

MOUNTINFO = r"""
27 1 253:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 27 0:30 / /home rw shared:2 - nfs4 server:/home rw
41 30 0:87 / /home/alice/my\040files rw,nosuid - fuse.rclone herd:user/a\040b rw,user_id=1
42 30 0:88 / /home/alice/x\134y rw,nosuid - fuse.sshfs other: rw
43 41 0:89 / /home/alice/my\040files rw,nosuid - fuse.rclone herd:raw rw
""".strip()


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let these be the mounts."""
    file = tmp_path / "mountinfo"
    file.write_text(MOUNTINFO)
    monkeypatch.setattr(fuse, "_MOUNTINFO", file)


def test_blanks_and_backslashes_are_read() -> None:
    found = fuse.mounts(MOUNTINFO)
    assert found[2] == Mounted(
        point="/home/alice/my files", kind="fuse.rclone", source="herd:user/a b"
    )
    assert found[3].point == r"/home/alice/x\y"
    assert [each.is_rclone for each in found] == [False, False, True, False, True]


def test_no_name_of_a_mount_hides_or_breaks_another() -> None:
    """Anybody may mount at a directory of such a name, and everybody reads the list."""
    line = "44 30 0:90 / /tmp/a\u2028b\x0c\x85c rw - fuse.sshfs x rw"
    found = fuse.mounts(f"{line}\n{MOUNTINFO}\n")
    assert found[0].point == "/tmp/a\u2028b\x0c\x85c"
    assert len(found) == 6


@pytest.mark.usefixtures("mounted")
def test_the_topmost_mount_of_a_directory_counts() -> None:
    top = fuse.mount_at(Path("/home/alice/my files"))
    assert top is not None
    assert top.source == "herd:raw"
    assert fuse.mount_at(Path("/home/alice/my")) is None


@pytest.mark.usefixtures("mounted")
def test_what_a_path_lies_in() -> None:
    def above(path: str) -> str:
        found = fuse.mount_above(Path(path))
        return found.kind if found else ""

    assert above("/home/alice/my files/deep") == "fuse.rclone"
    assert above("/home/alice/my files") == "nfs4", "a mount does not lie in itself"
    assert above("/tmp/x") == "ext4"


def test_a_directory_answers_and_one_that_is_not_there_does_not(tmp_path: Path) -> None:
    assert fuse.ask(tmp_path, 10) is Answer.YES
    assert fuse.lists(tmp_path, 10) is Answer.YES
    assert fuse.ask(tmp_path / "none", 10) is Answer.NO
    assert fuse.lists(tmp_path / "none", 10) is Answer.NO


def test_one_that_does_not_answer_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_program(tmp_path / "stat", "#!/bin/sh\nexec sleep 100\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert fuse.ask(tmp_path, 0.1) is Answer.SILENT


def test_without_a_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuse, "_DEVICE", tmp_path / "fuse")
    with pytest.raises(FuseUnavailable, match="there is no") as caught:
        fuse.require_fuse("/usr/bin")
    assert "--device /dev/fuse" in caught.value.remedy


def test_a_device_that_may_not_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuse, "_DEVICE", tmp_path)  # a directory cannot be opened for writing
    with pytest.raises(FuseUnavailable, match="may not be used here"):
        fuse.require_fuse("/usr/bin")


def test_without_a_program_that_unmounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "fuse"
    device.touch()
    monkeypatch.setattr(fuse, "_DEVICE", device)

    def nothing(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr(shutil, "which", nothing)
    with pytest.raises(FuseUnavailable, match="fusermount3 is not installed") as caught:
        fuse.require_fuse("")
    assert "fuse3" in caught.value.remedy


def test_who_uses_a_directory(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    with (inside / "file").open("w"):
        assert any("python" in each or "pytest" in each for each in fuse.users_of(inside))
    assert fuse.users_of(inside) == ()


def test_who_ends_while_it_is_looked_at_uses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = tmp_path / "proc" / "13"
    (process / "fd").mkdir(parents=True)
    (process / "cwd").symlink_to(tmp_path)
    monkeypatch.setattr(fuse, "_PROC", tmp_path / "proc")
    assert fuse.users_of(tmp_path) == ()
    (process / "comm").write_text("bash\n")
    assert fuse.users_of(tmp_path) == ("13 (bash)",)


def test_what_unmounting_says(tmp_path: Path) -> None:
    program = write_program(tmp_path / "fusermount3", '#!/bin/sh\necho "$@" >&2; [ "$2" != -z ]\n')
    assert fuse.unmount(str(program), Path("/x y")) == ""
    assert fuse.unmount(str(program), Path("/x y"), lazily=True) == "-u -z -- /x y"
