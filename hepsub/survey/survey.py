"""survey: everything the planner needs to know about the world, in two looks."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hepsub.errors import HepsubError, UsageError
from hepsub.job import JobSpec
from hepsub.plan.draft import Draft, Reading, check_words
from hepsub.plan.facts import ELF, Facts, FileFacts, Program, ProgramState, elf_machine
from hepsub.plan.layout import asked_places
from hepsub.plan.location import PlaceState, absolute
from hepsub.plan.model import delivery_for
from hepsub.plan.template import parse_template
from hepsub.policy.model import Policy
from hepsub.situation import Situation

if TYPE_CHECKING:
    from hepsub.libraries.cache import ArchiveCache
    from hepsub.plan.boss import OptionsFile
    from hepsub.plan.files import CarriedFiles
    from hepsub.plan.remap import Paths
    from hepsub.storage.store import Store

_LOOK_BYTES = 4096
_HEAD_BYTES = 256
"""Linux reads this much of a file to find its interpreter (BINPRM_BUF_SIZE, execve(2))."""


def read(
    spec: JobSpec,
    policy: Policy,
    situation: Situation,
    store_of: Callable[[str], Store],
    known: Reading | None = None,
) -> Reading:
    """Look at what the words of a submission depend on: the list, and what the paths of its logs are.

    A storage is asked only for what is in S3. A number of jobs above the policy's limit is not looked at.

    Args:
        spec: what the user asked for.
        policy: what the site decided.
        situation: who calls, where from and when.
        store_of: opens a storage.
        known: the list as it was read once; None for one that is read now.

    Raises:
        HepsubError: the list cannot be read, or the words cannot mean anything.
    """
    if not situation.cwd.is_dir():
        raise UsageError("the current directory no longer exists", remedy="cd to one that does")
    found = known or Reading()
    if spec.list_file is not None and known is None:
        from hepsub.survey.lists import read_list

        found = read_list(spec, policy, situation.cwd, store_of)
    number = check_words(spec, policy, found)
    whole: frozenset[str] = frozenset()
    if spec.check_objects and any(each.whole for each in spec.inputs):
        from hepsub.survey.inputs import whole_inputs

        first = found.values(1, spec.first)[0]
        whole = whole_inputs(spec, policy, situation.cwd, first, store_of)
    places = {path: inspect_place(path) for path in asked_places(spec, situation.cwd)}
    recognised, options = _recognised(spec, policy, situation, found, number)
    return replace(found, whole=whole, places=places, type=recognised, options=options)


def _recognised(
    spec: JobSpec, policy: Policy, situation: Situation, found: Reading, number: int
) -> tuple[str, Mapping[str, OptionsFile]]:
    """What kind of work the files tell, and BOSS's job options, where the script is one."""
    first = found.values(1, spec.first)[0]
    script = absolute(parse_template(spec.script).fill(first), situation.cwd)
    if _is_no_program(script):
        from hepsub.survey.joboptions import read_options

        jobs = found.values(number, spec.first)
        if options := read_options(spec, policy, situation, jobs):
            types = {each.options.type for each in options.values()}
            return (types.pop() if len(types) == 1 else ""), options
    if spec.type is not None or not any(rule.types for rule in policy.rule.values()):
        return "", {}
    from hepsub.survey.steering import type_of_files

    words = [str(parse_template(word).fill_known(first)) for word in spec.arguments]
    return type_of_files([script, *(absolute(word, situation.cwd) for word in words)]), {}


def _is_no_program(path: str) -> bool:
    """Whether a file is there that neither says what runs it nor is a binary."""
    try:
        with open(path, "rb", opener=_at_once) as file:
            return not file.read(len(ELF)).startswith((b"#!", ELF))
    except (OSError, ValueError):
        return False


def _at_once(path: str, flags: int) -> int:
    """Open a file, and wait for nobody where it is a FIFO."""
    return os.open(path, flags | os.O_NONBLOCK)


def survey(
    made: Draft, store_of: Callable[[str], Store], archives: ArchiveCache | None = None
) -> Facts:
    """Look at the files and objects of a submission; its libraries are packed, where `archives` is given.

    Raises:
        HepsubError: inputs are missing, or a library cannot be packed.
    """
    spec, situation = made.spec, made.situation
    programs = {path: inspect_program(path) for path in made.programs}
    places = {**made.reading.places, **{path: inspect_place(path) for path in made.logs}}
    needed = made.needed_directories(places)
    above = {os.path.dirname(path) for path in made.said_directories & needed}
    facts = Facts(
        programs=programs,
        places=places | {path: inspect_place(path) for path in needed | above},
        image_exists=spec.image is None or os.path.exists(situation.cwd / spec.image),
        image_is_directory=spec.image is not None and os.path.isdir(situation.cwd / spec.image),  # noqa: PTH112
        unreadable=_unreadable(spec, made.policy),
    )
    if made.carried is not None and spec.check_objects:
        facts = _with_files(facts, made, store_of)
    if made.may_leave:
        from hepsub.survey.mentions import look_at_mentions

        facts = replace(facts, mentions=look_at_mentions(made))
    if spec.libraries and archives is not None:  # last, because it takes longest
        from hepsub.survey.libraries import look_at_libraries

        packed = look_at_libraries(spec, made.policy, situation, store_of, archives)
        facts = replace(facts, libraries=packed.libraries, library_trouble=packed.trouble)
    return facts


def _with_files(facts: Facts, made: Draft, store_of: Callable[[str], Store]) -> Facts:
    """With what is known of inputs and outputs, here and at sites where paths among them are objects.

    A submission that goes to a site is not held to what is true here: its files may be there alone.
    """
    assert made.carried is not None  # noqa: S101 (the caller looks)
    elsewhere: dict[Paths, FileFacts | HepsubError] = {}
    for paths, carried in made.elsewhere.items():
        try:
            elsewhere[paths] = _look_at(carried, made, store_of)
        except HepsubError as error:
            elsewhere[paths] = error
    try:
        found = _look_at(made.carried, made, store_of)
    except HepsubError as error:
        if not elsewhere:
            raise
        return replace(facts, elsewhere={**elsewhere, (): error})
    return replace(
        facts,
        elsewhere=elsewhere,
        objects=found.objects,
        files=found.files,
        outputs=found.outputs,
    )


def _look_at(carried: CarriedFiles, made: Draft, store_of: Callable[[str], Store]) -> FileFacts:
    """What is known of inputs and outputs, as far as their places do not depend on the cluster's id."""
    from hepsub.survey.inputs import look_up_inputs, remedy_for, weigh_inputs
    from hepsub.survey.outputs import look_at_outputs

    inputs = [each.place for row in carried.inputs for each in row]
    known = [place for place in inputs if "%{ClusterId}" not in str(place)]
    return FileFacts(
        objects=look_up_inputs(known, store_of, made.reading.objects, remedy_for(made.spec)),
        files=weigh_inputs(known),
        outputs=look_at_outputs(list(zip(*carried.outputs, strict=True)), store_of),
    )


def _unreadable(spec: JobSpec, policy: Policy) -> frozenset[str]:
    """What of the policy and of the user's words HTCondor could not read; the embedded pool has no use for it."""
    pool = policy.pool[policy.pool_for(spec.placement.pool)]
    wanted = [each for site in policy.site.values() for each in site.expressions.values()]
    wanted += [rule.rank for rule in policy.rule.values() if rule.rank]
    wanted += [pool.worker_group] if spec.placement.worker_group else []
    if spec.htcondor is not None:
        from hepsub.plan.htcondor import read_words

        wanted += [text for _, text in read_words(spec.htcondor).expressions()]
    if not wanted or delivery_for(pool).on_this_machine:
        return frozenset()
    from hepsub.condor.attributes import unreadable

    return unreadable(wanted)


_DESCRIPTION = rb"(?im)^[ \t]*executable[ \t]*=[ \t]*\S"
"""The one command that every submit description has, which is no command of a shell."""


def inspect_program(path: str) -> Program:
    """Whether the kernel would start this file for this user."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # ValueError: nobody can say this name in this locale
        return Program(state=ProgramState.MISSING)
    if stat.S_ISDIR(mode):
        return Program(state=ProgramState.DIRECTORY)
    if not stat.S_ISREG(mode):  # whoever opened a FIFO would wait for its other end
        return Program(state=ProgramState.NO_FILE)
    may_start = os.access(path, os.X_OK)
    try:
        with open(path, "rb") as file:
            head = file.read(_LOOK_BYTES)
    except OSError:
        return Program(state=ProgramState.UNREADABLE if may_start else ProgramState.NO_EXEC_BIT)
    if not head.startswith(b"#!") and b"\0" not in head and re.search(_DESCRIPTION, head):
        return Program(state=ProgramState.SUBMIT_DESCRIPTION)
    return _program(head[:_HEAD_BYTES]) if may_start else Program(state=ProgramState.NO_EXEC_BIT)


def _program(head: bytes) -> Program:
    if not head:
        return Program(state=ProgramState.EMPTY)
    if not head.startswith(b"#!"):
        binary = head.startswith(ELF) or b"\0" in head
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
