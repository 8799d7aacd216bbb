"""What would make jobs fail, found before they are submitted."""

from __future__ import annotations

import os
from collections.abc import Mapping

from hepsub.errors import (
    HepsubError,
    LogDirectoryMissing,
    LogDirectoryNotWritable,
    ScriptMissing,
    ScriptNotExecutable,
)
from hepsub.plan.facts import Program, ProgramState
from hepsub.plan.location import PlaceState

_SHOWN = 5


def check_programs(programs: Mapping[str, Program], *, here: bool = False) -> tuple[str, ...]:
    """Refuse programs that cannot be started; notes on those that may not start elsewhere.

    Args:
        programs: what was found, by path.
        here: whether the jobs run on this very machine.

    Raises:
        ScriptMissing: a program does not exist; all missing ones are named.
        ScriptNotExecutable: a program cannot be started as it is.
    """
    missing = [path for path, program in programs.items() if program.state is ProgramState.MISSING]
    if missing:
        raise ScriptMissing(
            f"no such script: {_some(missing)}",
            remedy="check the name; a relative one is looked for in the directory where hep_sub is called",
        )
    for path, program in programs.items():
        if program.state is not ProgramState.RUNNABLE:
            raise _not_startable(path, program.state)
    for path, program in programs.items():
        if here and not program.interpreter_here:
            raise ScriptNotExecutable(
                f"{path} cannot start: its interpreter {program.interpreter} does not exist on this machine",
                remedy="correct its first line",
            )
    absent = sorted({each.interpreter for each in programs.values() if not each.interpreter_here})
    return tuple(f"the interpreter {name} does not exist on this machine" for name in absent)


def _not_startable(path: str, state: ProgramState) -> HepsubError:
    what, remedy = {
        ProgramState.DIRECTORY: ("is a directory", "name the program to run"),
        ProgramState.UNREADABLE: ("cannot be read by you", f"chmod u+r {path}"),
        ProgramState.NO_EXEC_BIT: ("is not executable", f"chmod +x {path}"),
        ProgramState.EMPTY: ("is empty", "write the program first"),
        ProgramState.NO_INTERPRETER_LINE: (
            "has no interpreter line, so Linux cannot start it",
            "make its first line #!/bin/bash, #!/usr/bin/env python3, …",
        ),
        ProgramState.CARRIAGE_RETURN: (
            "has Windows line ends, so its interpreter is not found",
            f"sed -i 's/\\r$//' {path}",
        ),
    }[state]
    return ScriptNotExecutable(f"{path} {what}", remedy=remedy)


def check_directories(
    directories: frozenset[str],
    places: Mapping[str, PlaceState],
    said: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """Refuse log directories that are not there and are not to be made, or cannot be written.

    Args:
        directories: where the logs go.
        places: what these are, and the directories that missing ones would be in.
        said: those that were named as directories.

    Returns:
        Those that have to be made.

    Raises:
        LogDirectoryMissing: a directory does not exist; all missing ones are named.
        LogDirectoryNotWritable: a directory cannot be written.
    """
    absent = sorted(path for path in directories if places.get(path) is PlaceState.MISSING)
    new = tuple(path for path in absent if path in said and _may_be_made(path, places))
    missing = [path for path in absent if path not in new]
    if missing:
        raise LogDirectoryMissing(
            f"no such directory for the logs: {_some(missing)}",
            remedy=f"mkdir -p {_some(missing, blank=True)}",
        )
    for path in sorted(directories.difference(new)):
        if places.get(path) is not PlaceState.DIRECTORY:
            what = (
                "is not writable by you"
                if places.get(path) is PlaceState.LOCKED_DIRECTORY
                else "is no directory"
            )
            raise LogDirectoryNotWritable(
                f"the log directory {path} {what}", remedy="choose another place with -o and -e"
            )
    return new


def _may_be_made(path: str, places: Mapping[str, PlaceState]) -> bool:
    """Only the last part of a path is made: a whole tree that is missing is rather a mistyped name."""
    return places.get(os.path.dirname(path)) is PlaceState.DIRECTORY


def check_log_file(path: str, places: Mapping[str, PlaceState]) -> None:
    """Refuse a log file that exists and cannot be written, or is a directory.

    Raises:
        LogDirectoryNotWritable: it cannot.
    """
    if places.get(path) in (PlaceState.DIRECTORY, PlaceState.LOCKED_DIRECTORY):
        raise LogDirectoryNotWritable(
            f"{path} is a directory, not a file", remedy="name a file in it"
        )
    if places.get(path) is PlaceState.LOCKED_FILE:
        raise LogDirectoryNotWritable(
            f"{path} exists and is not writable by you", remedy="choose another file"
        )


def _some(paths: list[str], *, blank: bool = False) -> str:
    shown = (" " if blank else ", ").join(paths[:_SHOWN])
    more = len(paths) - _SHOWN
    return f"{shown} and {more} more" if more > 0 and not blank else shown
