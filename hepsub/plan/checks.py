"""What would make jobs fail, found before they are submitted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hepsub.errors import (
    HepsubError,
    LogDirectoryMissing,
    LogDirectoryNotWritable,
    NotExpressible,
    NotOnSlurm,
    OutputConflict,
    ScriptMissing,
    ScriptNotExecutable,
    UnknownStorage,
)
from hepsub.plan.facts import Program, ProgramState
from hepsub.plan.location import FilePlace, ObjectPlace, Place, PlaceState
from hepsub.plan.template import Template, Values
from hepsub.policy.model import Storage
from hepsub.terminal import few

if TYPE_CHECKING:
    from hepsub.plan.staging import StagingPlan

_SHOWN = 5
_TAKEN_APART = r"[,\s]|\$\$"


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
            f"no such script: {few(missing, _SHOWN)}",
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
    from shlex import quote  # nobody needs it where all is well

    what, remedy = {
        ProgramState.DIRECTORY: ("is a directory", "name the program to run"),
        ProgramState.NO_FILE: ("is a FIFO, a socket or a device", "name the program to run"),
        ProgramState.UNREADABLE: ("cannot be read by you", f"chmod u+r {quote(path)}"),
        ProgramState.NO_EXEC_BIT: ("is not executable", f"chmod +x {quote(path)}"),
        ProgramState.EMPTY: ("is empty", "write the program first"),
        ProgramState.NO_INTERPRETER_LINE: (
            "has no interpreter line, so Linux cannot start it",
            "make its first line #!/bin/bash, #!/usr/bin/env python3, …",
        ),
        ProgramState.CARRIAGE_RETURN: (
            "has Windows line ends, so its interpreter is not found",
            f"sed -i 's/\\r$//' {quote(path)}",
        ),
        ProgramState.SUBMIT_DESCRIPTION: (
            "is a submit description of HTCondor, and hep_sub takes the program itself",
            "hep_sub job.sh -n 600 -mem 500 -argu %{ProcId}; hep_sub -help all tells HTCondor's other words",
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
        said: those that were named as directories, with -o, -e or -dir.

    Returns:
        Those that have to be made.

    Raises:
        LogDirectoryMissing: a directory does not exist; all missing ones are named.
        LogDirectoryNotWritable: a directory cannot be written.
    """
    # HTCondor holds a job whose log cannot be opened; where it transfers files, after the job has run.
    absent = sorted(path for path in directories if places.get(path) is PlaceState.MISSING)
    new = tuple(path for path in absent if path in said and _may_be_made(path, places))
    missing = [path for path in absent if path not in new]
    if missing:
        from shlex import join  # nobody needs it where all is well

        raise LogDirectoryMissing(
            f"no such directory for the logs: {few(missing, _SHOWN)}",
            remedy=f"mkdir -p {join(missing[:_SHOWN])}",
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
    # Only the last part: a whole tree that is missing is rather a mistyped name.
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


def check_storages(places: Iterable[Place], storages: Mapping[str, Storage]) -> None:
    """Refuse storages whose endpoint is not what the policy allows.

    Raises:
        UnknownStorage: the endpoint is plain http and the policy does not allow it.
    """
    for name in sorted({place.storage for place in places if isinstance(place, ObjectPlace)}):
        storage = storages[name]
        if storage.endpoint.startswith("http://") and not storage.allow_http:
            raise UnknownStorage(
                f"the storage {name} is plain http ({storage.endpoint}): data and signed URLs would"
                " travel in the clear",
                remedy=f"use https, or set allow_http = true in [storage.{name}]",
            )


def check_conflicts(plan: StagingPlan, jobs: Sequence[Values]) -> None:
    """Refuse two jobs that would write the same place, and two inputs of one name, or one within the other.

    Raises:
        OutputConflict: they would.
    """
    files = plan.carried_by(jobs)
    # Most often 10,000 jobs have the same names, and each set of names is looked through once.
    known: set[tuple[str, ...]] = set()
    for values, inputs in zip(jobs, files.inputs, strict=True):
        names = tuple([each.name for each in inputs])
        if names not in known:
            known.add(names)
            _check_twice(names, values.said)
    writers: dict[Place, int] = {}
    for values, outputs in zip(jobs, files.outputs, strict=True):
        for each in outputs:
            if each.is_pattern:  # what it matches nobody knows yet; `travel` says what that means
                continue
            if each.place in writers:
                raise OutputConflict(
                    f"the jobs {writers[each.place]} and {values.said} would both write {each.place}",
                    remedy="put %{ProcId} into its name",
                )
            writers[each.place] = values.said


def check_sent(plan: StagingPlan, executable: Template, jobs: Sequence[Values]) -> None:
    """Refuse inputs that would lie where the script lies, or a ticket or token, when these are sent, too.

    Raises:
        OutputConflict: one would.
    """
    sent = {each.file for each in plan.credentials if each.travels}
    scripts = executable.fill_all(jobs)
    for script, carried in zip(scripts, plan.carried_by(jobs).inputs, strict=True):
        for each in carried:
            # The script as an input, under its own name, is itself; any other file would be run in its place.
            other = each.name == PurePosixPath(script).name and str(each.place) != script
            if other or each.name in sent:
                what = f"the script {script}" if other else "a credential of the job"
                raise OutputConflict(
                    f"the input {each.place} would take the place of {what}, which has the name {each.name} there",
                    remedy="give it another name: -in URL=NAME",
                )


def check_handed_over(plan: StagingPlan, executable: Template, jobs: Sequence[Values]) -> None:
    """Refuse names of sent files that HTCondor takes apart when it is handed the files.

    Raises:
        NotExpressible: a script or an input has one.
    """
    # Its list of spooled files is divided at commas and blanks (tried on 23.9.6), and stands in the job's ad, where $$
    # is expanded as the job starts. What a computing element takes is spooled there (tried from 23.9.6 to 25.14.1).
    scripts = executable.fill_all(jobs)
    for path, carried in zip(scripts, plan.carried_by(jobs).inputs, strict=True):
        inputs = [each.name for each in carried if isinstance(each.place, FilePlace)]
        script = PurePosixPath(path).name
        for name in (script, *(name.partition("/")[0] for name in inputs)):
            if re.search(_TAKEN_APART, name):
                what = "the script" if name == script else "the input"
                raise NotExpressible(
                    f"{what} '{name}' cannot be handed over to the schedd: HTCondor divides names at commas"
                    " and blanks, and expands $$",
                    remedy="give it another name" + ("" if name == script else ": -in PATH=NAME"),
                )


def check_in_script(plan: StagingPlan, jobs: Sequence[Values], pool: str) -> None:
    """Refuse what cannot travel where the batch script has all that jobs start with, and nothing comes home.

    Raises:
        NotOnSlurm: a place is on this host, or named after the cluster; or the jobs store nothing.
    """
    if plan.needs_cluster:
        raise NotOnSlurm(
            f"%{{ClusterId}} in -in or -out: the nodes of {pool} get their signed URLs in the batch script, which is"
            " written before Slurm gives the cluster its id",
            remedy="write %{Uuid} instead, which is another one in each submission",
        )
    files = plan.carried_by(jobs)
    for each in (each for row in files.inputs for each in row):
        if isinstance(each.place, FilePlace):
            raise NotOnSlurm(
                f"the input {each.place.path} is on this host, of which the nodes of {pool} see nothing",
                remedy=f"put it into a storage: -in STORAGE:BUCKET/KEY={each.name}",
            )
    for each in (each for row in files.outputs for each in row):
        if isinstance(each.place, FilePlace):
            raise NotOnSlurm(
                f"the output {each.name} is for {each.place.path} on this host, of which the nodes of {pool} see"
                " nothing",
                remedy=f"put it into a storage: -out {each.name}=STORAGE:BUCKET/KEY",
            )
    if not plan.outputs:
        raise NotOnSlurm(
            f"the nodes of {pool} see none of this host's directories, and of these jobs nothing would be seen again",
            remedy="-out NAME=STORAGE:BUCKET/KEY puts what they make into a storage",
        )


def check_brought_home(plan: StagingPlan, jobs: Sequence[Values]) -> None:
    """Refuse outputs that HTCondor's shadow cannot write where jobs may reach nothing but their own corner.

    Raises:
        NotExpressible: the name of one has a backslash.
    """
    for each in (each for row in plan.carried_by(jobs).outputs for each in row):
        if "\\" in each.name and isinstance(each.place, FilePlace):
            raise NotExpressible(
                f"the output '{each.name}' cannot come home from the remote site: HTCondor brings no name with a"
                " backslash from there",
                remedy="choose another name, or put it into a storage",
            )


def _check_twice(names: Sequence[str], proc: int) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise OutputConflict(
                f"two inputs of job {proc} would have the name {name}",
                remedy="give one of them another name: -in URL=NAME",
            )
        seen.add(name)
    for name in names:
        above = next((str(each) for each in PurePosixPath(name).parents if str(each) in seen), None)
        if above is not None:
            raise OutputConflict(
                f"the input {name} of job {proc} would lie in the input {above}",
                remedy="give one of them another name: -in URL=NAME",
            )
