"""Facts about files: can a program be started, can a place be written, what is in a list."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TextIO

from hepsub.errors import ListUnreadable
from hepsub.plan.facts import Program, ProgramState
from hepsub.plan.location import PlaceState

_HEAD_BYTES = 256
"""Linux reads this much of a file to find its interpreter (BINPRM_BUF_SIZE, execve(2))."""


_ELF = b"\x7fELF"
_MACHINES = {62: "X86_64", 183: "aarch64", 21: "ppc64le", 243: "riscv64"}
"""Values of e_machine, and what HTCondor calls such machines (Arch)."""


def read_items(path: str, cwd: Path) -> tuple[str, ...]:
    """The items of a list: its lines, less empty ones and those that begin with `#`.

    Raises:
        ListUnreadable: the file cannot be read, is not UTF-8, or holds no item.
    """
    with refused_list(path), (cwd / path).open(encoding="utf-8-sig") as file:
        return items_in(file, path)


@contextlib.contextmanager
def refused_list(name: str) -> Iterator[None]:
    """Say of what cannot be read that it is this list."""
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ListUnreadable(
            f"the list {name} cannot be read: {reason}", remedy="give a text file, one job a line"
        ) from error


def items_in(file: TextIO, name: str) -> tuple[str, ...]:
    """The items of a list that is open.

    Raises:
        ListUnreadable: it holds no item.
        OSError, UnicodeDecodeError: it cannot be read.
    """
    lines = (line.strip() for line in file.read().split("\n"))
    items = tuple(line for line in lines if line and not line.startswith("#"))
    if not items:
        raise ListUnreadable(f"the list {name} holds no item", remedy="write one job a line")
    return items


def inspect_program(path: str) -> Program:
    """Whether the kernel would start this file for this user."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # ValueError: nobody can say this name in this locale
        return Program(state=ProgramState.MISSING)
    if stat.S_ISDIR(mode):
        return Program(state=ProgramState.DIRECTORY)
    if not os.access(path, os.X_OK):
        return Program(state=ProgramState.NO_EXEC_BIT)
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return Program(state=ProgramState.UNREADABLE)
    return _program(head)


def _program(head: bytes) -> Program:
    if not head:
        return Program(state=ProgramState.EMPTY)
    if not head.startswith(b"#!"):
        binary = head.startswith(_ELF) or b"\0" in head
        state = ProgramState.RUNNABLE if binary else ProgramState.NO_INTERPRETER_LINE
        return Program(state=state, machine=elf_machine(head))
    line = head[2:].split(b"\n")[0]
    if line.endswith(b"\r"):
        return Program(state=ProgramState.CARRIAGE_RETURN)
    words = line.decode("utf-8", "surrogateescape").split()
    if not words:
        return Program(state=ProgramState.NO_INTERPRETER_LINE)
    return Program(
        state=ProgramState.RUNNABLE,
        interpreter=words[0],
        interpreter_here=os.path.exists(words[0]),
    )


def elf_machine(head: bytes) -> str:
    """The architecture that a binary or shared library was built for, in HTCondor's word; empty where it is none.

    (ELF header, e_ident and e_machine: System V ABI, "ELF Header".)

    Args:
        head: the file's first bytes.
    """
    if not head.startswith(_ELF) or len(head) < 20:
        return ""
    order: Literal["little", "big"] = "big" if head[5] == 2 else "little"
    return _MACHINES.get(int.from_bytes(head[18:20], order), "")


def inspect_place(path: str) -> PlaceState:
    """What a path is, as a place that this user would write to."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return PlaceState.MISSING
    writable = os.access(path, os.W_OK)
    if stat.S_ISDIR(mode):
        usable = writable and os.access(path, os.X_OK)
        return PlaceState.DIRECTORY if usable else PlaceState.LOCKED_DIRECTORY
    if stat.S_ISREG(mode):
        return PlaceState.FILE if writable else PlaceState.LOCKED_FILE
    return PlaceState.DEVICE
