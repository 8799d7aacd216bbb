"""Facts about files: what the kernel would do with them."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hepsub.errors import ListUnreadable
from hepsub.plan.facts import Program, ProgramState
from hepsub.plan.location import PlaceState
from hepsub.survey.list_lines import divided, read_lines
from hepsub.survey.survey import inspect_place, inspect_program
from tests.fakes.user import ordinary_user


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that everybody may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def program(directory: Path, content: bytes, mode: int = 0o755) -> str:
    """The path of a file with this content."""
    path = directory / "job"
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"#!/bin/sh\necho\n", Program(state=ProgramState.RUNNABLE, interpreter="/bin/sh")),
        (b"#!/bin/sh", Program(state=ProgramState.RUNNABLE, interpreter="/bin/sh")),
        (b"#! /bin/sh -e\n", Program(state=ProgramState.RUNNABLE, interpreter="/bin/sh")),
        (b"#!\t/usr/bin/env python3\n", Program(state=ProgramState.RUNNABLE, interpreter="/usr/bin/env")),
        (
            b"#!/no/such/csh -f\n",
            Program(state=ProgramState.RUNNABLE, interpreter="/no/such/csh", interpreter_here=False),
        ),
        (b"#!/bin/sh\r\necho\r\n", Program(state=ProgramState.CARRIAGE_RETURN)),
        (b"#!/bin/sh\necho\r\n", Program(state=ProgramState.RUNNABLE, interpreter="/bin/sh")),
        (b"", Program(state=ProgramState.EMPTY)),
        (b"echo hello\n", Program(state=ProgramState.NO_INTERPRETER_LINE)),
        (b"#!\n", Program(state=ProgramState.NO_INTERPRETER_LINE)),
        (b"#!   \n", Program(state=ProgramState.NO_INTERPRETER_LINE)),
        (b"\n#!/bin/sh\n", Program(state=ProgramState.NO_INTERPRETER_LINE)),
        (b"\xef\xbb\xbf#!/bin/sh\n", Program(state=ProgramState.NO_INTERPRETER_LINE)),
        (b"\x7fELF\x02\x01\x01\x00", Program(state=ProgramState.RUNNABLE)),
        (b"# a comment\n#!/bin/sh\n", Program(state=ProgramState.NO_INTERPRETER_LINE)),
    ],
)  # fmt: skip
def test_what_stands_between_a_file_and_its_start(
    tmp_path: Path, content: bytes, expected: Program
) -> None:
    """The kernel reads the first bytes: ELF, or `#!` and an interpreter on the first line."""
    assert inspect_program(program(tmp_path, content)) == expected


@pytest.mark.parametrize(
    "content", [b"#!/bin/sh\nexit 0\n", b"#! /bin/sh -e\nexit 0\n", b"#!/bin/sh", b"#!/usr/bin/env sh\nexit 0\n"]
)  # fmt: skip
def test_the_kernel_starts_what_is_called_runnable(tmp_path: Path, content: bytes) -> None:
    """Not what a shell would make of it, but execve itself."""
    path = program(tmp_path, content)
    assert inspect_program(path).state is ProgramState.RUNNABLE
    assert subprocess.run([path], check=False).returncode == 0


@pytest.mark.parametrize(
    "content", [b"#!/bin/sh\r\nexit 0\r\n", b"echo hello\n", b"", b"#!\nexit 0\n"]
)
def test_the_kernel_does_not_start_what_is_refused(tmp_path: Path, content: bytes) -> None:
    """What hepsub refuses would have gone on hold."""
    path = program(tmp_path, content)
    assert inspect_program(path).state is not ProgramState.RUNNABLE
    with pytest.raises(OSError, match=r"Exec format error|No such file"):
        subprocess.run([path], check=False)


def test_a_real_binary_can_be_started(tmp_path: Path) -> None:
    """A compiled program has no interpreter line and needs none."""
    path = tmp_path / "true"
    shutil.copy("/bin/true", path)
    found = inspect_program(str(path))
    assert found.state is ProgramState.RUNNABLE
    assert found.machine == {"x86_64": "X86_64"}.get(platform.machine(), platform.machine())


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    """A FIFO would be waited for; the kernel starts none."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o755)
    for path in (str(fifo), "/dev/null"):
        assert inspect_program(path).state is ProgramState.NO_FILE


def test_a_script_without_exec_bit(tmp_path: Path) -> None:
    """The most frequent slip of all; root's word does not count here either."""
    assert inspect_program(program(tmp_path, b"#!/bin/sh\n", 0o644)).state is (
        ProgramState.NO_EXEC_BIT
    )


@pytest.mark.parametrize("mode", [0o644, 0o755])
@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        (b"# my jobs\nExecutable = job.sh\nqueue 600\n", True),
        (b"#" * 1000 + b"\nuniverse = vanilla\n executable=job.sh\n", True),
        (b"#!/bin/sh\nexecutable = 3\n", False),
        (b"echo executable = 3\n", False),
        (b"\x7fELF\0\nexecutable = x\n", False),
    ],
)
def test_a_submit_description_is_told_from_a_program(
    tmp_path: Path, content: bytes, mode: int, *, is_one: bool
) -> None:
    """Who knows condor_submit tries that first; chmod +x would not help."""
    found = inspect_program(program(tmp_path, content, mode))
    assert (found.state is ProgramState.SUBMIT_DESCRIPTION) is is_one


def test_a_missing_script_and_a_directory(tmp_path: Path) -> None:
    """Neither is a program."""
    assert inspect_program(str(tmp_path / "none")).state is ProgramState.MISSING
    assert inspect_program(str(tmp_path)).state is ProgramState.DIRECTORY


def test_a_link_is_what_it_points_to(tmp_path: Path) -> None:
    """A broken link is missing, a good one is its program."""
    program(tmp_path, b"#!/bin/sh\n")
    (tmp_path / "good").symlink_to("job")
    (tmp_path / "broken").symlink_to("gone")
    assert inspect_program(str(tmp_path / "good")).state is ProgramState.RUNNABLE
    assert inspect_program(str(tmp_path / "broken")).state is ProgramState.MISSING


def test_a_script_that_may_be_started_but_not_read(open_directory: Path) -> None:
    """The interpreter of a script has to read it: mode 0711 is not enough."""
    path = program(open_directory, b"#!/bin/sh\n", 0o711)
    with ordinary_user():
        found = inspect_program(path)
    if os.getuid() == 0:
        assert found.state is ProgramState.UNREADABLE
    else:
        assert found.state is ProgramState.RUNNABLE


def test_a_script_that_only_its_owner_may_start(open_directory: Path) -> None:
    """The bit has to be there for this user."""
    if os.getuid() != 0:
        pytest.skip("needs a file of somebody else")
    path = program(open_directory, b"#!/bin/sh\n", 0o744)
    with ordinary_user():
        assert inspect_program(path).state is ProgramState.NO_EXEC_BIT


def test_places_to_write_to(tmp_path: Path) -> None:
    """A directory, a file, a device, nothing, and a broken link, which is nothing yet."""
    (tmp_path / "file").touch()
    (tmp_path / "broken").symlink_to("gone")
    assert inspect_place(str(tmp_path)) is PlaceState.DIRECTORY
    assert inspect_place(str(tmp_path / "file")) is PlaceState.FILE
    assert inspect_place("/dev/null") is PlaceState.DEVICE
    assert inspect_place(str(tmp_path / "none")) is PlaceState.MISSING
    assert inspect_place(str(tmp_path / "broken")) is PlaceState.MISSING
    assert inspect_place(str(tmp_path / "file" / "below")) is PlaceState.MISSING


@pytest.mark.parametrize(
    ("mode", "state"),
    [
        (0o777, PlaceState.DIRECTORY),
        (0o755, PlaceState.LOCKED_DIRECTORY),
        (0o766, PlaceState.LOCKED_DIRECTORY),
    ],
)
def test_a_directory_has_to_be_writable_and_enterable(
    open_directory: Path, mode: int, state: PlaceState
) -> None:
    """To make a file in it, a user needs both rights."""
    if os.getuid() != 0:
        pytest.skip("needs a directory of somebody else")
    (open_directory / "log").mkdir()
    (open_directory / "log").chmod(mode)
    with ordinary_user():
        assert inspect_place(str(open_directory / "log")) is state


def test_somebody_elses_file_is_locked(open_directory: Path) -> None:
    """An old log of another user in a shared directory."""
    (open_directory / "log").touch()
    (open_directory / "log").chmod(0o444)
    with ordinary_user():
        assert inspect_place(str(open_directory / "log")) is PlaceState.LOCKED_FILE


def read_items(path: str, cwd: Path) -> tuple[str, ...]:
    """The items of a list without columns."""
    return divided(read_lines(path, cwd), None, path).items


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("a\nb\n", ("a", "b")),
        ("a\nb", ("a", "b")),
        ("\n a \n\n# comment\n  # indented comment\nb#c\n", ("a", "b#c")),
        ("a\r\nb\r\n", ("a", "b")),
        ("one two\tthree\n", ("one two\tthree",)),
        ("a\na\n", ("a", "a")),
        ("ü\u2028x\n", ("ü\u2028x",)),
    ],
)
def test_the_items_of_a_list(tmp_path: Path, text: str, items: tuple[str, ...]) -> None:
    """One item a line; empty lines and comments do not count, blanks inside do."""
    (tmp_path / "list").write_bytes(text.encode())
    assert read_items("list", tmp_path) == items


def test_a_byte_order_mark_is_no_part_of_the_first_item(tmp_path: Path) -> None:
    """Lists that were written on Windows begin with one, and nobody sees it."""
    (tmp_path / "list").write_bytes(b"\xef\xbb\xbfrun1.root\n")
    assert read_items("list", tmp_path) == ("run1.root",)


def test_a_list_may_be_anywhere(tmp_path: Path) -> None:
    """A relative path is looked for where hep_sub is called, an absolute one where it says."""
    (tmp_path / "list").write_text("a\n")
    assert read_items(str(tmp_path / "list"), Path("/")) == ("a",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the list l cannot be read: No such file or directory"),
        (b"\xff\n", "the list l cannot be read: it is not UTF-8 text"),
        (b"", "the list l holds no item"),
        (b"# only a comment\n\n", "the list l holds no item"),
    ],
)
def test_a_list_that_is_of_no_use_is_refused(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    """Missing, in another encoding, or empty."""
    if content is not None:
        (tmp_path / "l").write_bytes(content)
    with pytest.raises(ListUnreadable) as caught:
        read_items("l", tmp_path)
    assert caught.value.message == message


def test_a_directory_is_no_list(tmp_path: Path) -> None:
    """-list DIR is a slip."""
    with pytest.raises(ListUnreadable, match="Is a directory"):
        read_items(".", tmp_path)
