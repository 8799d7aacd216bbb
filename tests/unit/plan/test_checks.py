"""What would make jobs fail, found before they are submitted."""

from __future__ import annotations

import pytest

from hepsub.errors import (
    LogDirectoryMissing,
    LogDirectoryNotWritable,
    ScriptMissing,
    ScriptNotExecutable,
)
from hepsub.plan.checks import check_directories, check_log_file, check_programs
from hepsub.plan.facts import Program, ProgramState
from hepsub.plan.location import PlaceState
from tests.fakes.world import RUNNABLE

MISSING = Program(state=ProgramState.MISSING)


def test_programs_that_can_be_started_pass() -> None:
    """Nothing is said about them."""
    assert check_programs({"/x/a.sh": RUNNABLE, "/x/b": Program(state=ProgramState.RUNNABLE)}) == ()


def test_a_missing_script_is_named() -> None:
    """The absolute path tells where hep_sub looked."""
    with pytest.raises(ScriptMissing, match=r"^no such script: /x/a\.sh$"):
        check_programs({"/x/a.sh": MISSING})


def test_all_missing_scripts_are_named_at_once() -> None:
    """Nobody mends 293 scripts one by one: five are named and the rest counted."""
    programs = {f"/x/run-{number}.sh": MISSING for number in range(7)} | {"/x/ok.sh": RUNNABLE}
    with pytest.raises(ScriptMissing) as caught:
        check_programs(programs)
    assert caught.value.message == (
        "no such script: /x/run-0.sh, /x/run-1.sh, /x/run-2.sh, /x/run-3.sh, /x/run-4.sh and 2 more"
    )


@pytest.mark.parametrize(
    ("state", "message", "remedy"),
    [
        (ProgramState.DIRECTORY, "/x/a is a directory", "name the program to run"),
        (ProgramState.NO_FILE, "/x/a is a FIFO, a socket or a device", "name the program to run"),
        (ProgramState.UNREADABLE, "/x/a cannot be read by you", "chmod u+r /x/a"),
        (ProgramState.NO_EXEC_BIT, "/x/a is not executable", "chmod +x /x/a"),
        (
            ProgramState.SUBMIT_DESCRIPTION,
            "/x/a is a submit description of HTCondor, and hep_sub takes the program itself",
            "hep_sub job.sh -n 600 -mem 500 -argu %{ProcId}; hep_sub -help all tells HTCondor's other words",
        ),
        (ProgramState.EMPTY, "/x/a is empty", "write the program first"),
        (
            ProgramState.NO_INTERPRETER_LINE,
            "/x/a has no interpreter line, so Linux cannot start it",
            "make its first line #!/bin/bash, #!/usr/bin/env python3, …",
        ),
        (
            ProgramState.CARRIAGE_RETURN,
            "/x/a has Windows line ends, so its interpreter is not found",
            "sed -i 's/\\r$//' /x/a",
        ),
    ],
)
def test_a_program_that_cannot_be_started_says_why(
    state: ProgramState, message: str, remedy: str
) -> None:
    """Each cause has its own words and a command that mends it."""
    with pytest.raises(ScriptNotExecutable) as caught:
        check_programs({"/x/a": Program(state=state)})
    assert (caught.value.message, caught.value.remedy) == (message, remedy)


@pytest.mark.parametrize(
    "state", [each for each in ProgramState if each is not ProgramState.RUNNABLE]
)
def test_only_a_runnable_program_passes(state: ProgramState) -> None:
    """No state of a program is forgotten."""
    with pytest.raises((ScriptMissing, ScriptNotExecutable)):
        check_programs({"/x/a": Program(state=state)})


def test_an_interpreter_that_is_elsewhere_is_a_note() -> None:
    """The container or the worker node may have it: said, not refused, and once for all scripts."""
    absent = Program(
        state=ProgramState.RUNNABLE, interpreter="/opt/py/bin/python", interpreter_here=False
    )
    assert check_programs({"/x/a": absent, "/x/b": absent, "/x/c": RUNNABLE}) == (
        "the interpreter /opt/py/bin/python does not exist on this machine",
    )


def test_writable_directories_pass() -> None:
    """Nothing to say."""
    check_directories(
        frozenset({"/a", "/b"}), {"/a": PlaceState.DIRECTORY, "/b": PlaceState.DIRECTORY}
    )


def test_missing_log_directories_are_named_with_the_command_that_makes_them() -> None:
    """HepJob's jobs go on hold hours later; here the user can copy the remedy."""
    places = {"/x/log": PlaceState.MISSING, "/x/err": PlaceState.MISSING}
    with pytest.raises(LogDirectoryMissing) as caught:
        check_directories(frozenset(places), places)
    assert caught.value.message == "no such directory for the logs: /x/err, /x/log"
    assert caught.value.remedy == "mkdir -p /x/err /x/log"


def test_what_to_type_is_right_for_names_with_blanks() -> None:
    """`chmod +x my job.sh` would change two other files."""
    with pytest.raises(ScriptNotExecutable) as caught:
        check_programs({"/x/my job.sh": Program(state=ProgramState.NO_EXEC_BIT)})
    assert caught.value.remedy == "chmod +x '/x/my job.sh'"
    with pytest.raises(LogDirectoryMissing) as lost:
        check_directories(frozenset({"/x/a b"}), {"/x/a b": PlaceState.MISSING})
    assert lost.value.remedy == "mkdir -p '/x/a b'"


def test_directories_that_were_named_are_made_in_one_that_is_there() -> None:
    """The last part alone; one that only a file's path needs is refused as before."""
    places = {
        "/x": PlaceState.DIRECTORY,
        "/locked": PlaceState.LOCKED_DIRECTORY,
        **dict.fromkeys(("/x/log", "/x/a", "/x/a/b", "/locked/log"), PlaceState.MISSING),
    }
    assert check_directories(frozenset({"/x/log", "/x"}), places, frozenset({"/x/log"})) == (
        "/x/log",
    )
    for path in ("/x/a/b", "/locked/log"):
        with pytest.raises(LogDirectoryMissing, match=f"{path}$"):
            check_directories(frozenset({path}), places, frozenset({path}))
    with pytest.raises(LogDirectoryMissing):
        check_directories(frozenset({"/x/a"}), places, frozenset({"/x/log"}))


@pytest.mark.parametrize(
    ("state", "what"),
    [
        (PlaceState.LOCKED_DIRECTORY, "is not writable by you"),
        (PlaceState.FILE, "is no directory"),
        (PlaceState.LOCKED_FILE, "is no directory"),
        (PlaceState.DEVICE, "is no directory"),
    ],
)
def test_a_log_directory_that_cannot_be_written_says_why(state: PlaceState, what: str) -> None:
    """A directory without permission, or something that is no directory."""
    with pytest.raises(LogDirectoryNotWritable, match=f"^the log directory /x/log {what}$"):
        check_directories(frozenset({"/x/log"}), {"/x/log": state})


@pytest.mark.parametrize("state", [PlaceState.FILE, PlaceState.MISSING, PlaceState.DEVICE])
def test_a_log_file_that_can_be_written_passes(state: PlaceState) -> None:
    """Old logs are overwritten, new ones made, devices used."""
    check_log_file("/x/log", {"/x/log": state})


def test_a_log_file_that_cannot_be_written_is_refused() -> None:
    """Somebody else's old log in a shared directory."""
    with pytest.raises(
        LogDirectoryNotWritable, match=r"^/x/log exists and is not writable by you$"
    ):
        check_log_file("/x/log", {"/x/log": PlaceState.LOCKED_FILE})
