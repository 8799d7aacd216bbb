"""Jobs of BOSS: what its job options mean for a submission, at home and where this host's file system is not. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from hepsub.errors import NotExpressible, OutputConflict
from hepsub.job import FileRequest, JobSpec
from hepsub.plan.files import is_pattern
from hepsub.plan.joboptions import INPUT, OUTPUT, JobOptions, NamedFile
from hepsub.plan.location import absolute
from hepsub.plan.portability import Mention
from hepsub.plan.template import Values, fitting_template, parse_template
from hepsub.terminal import few

PROGRAM: Final = "boss.exe"
"""What runs job options; the user's PATH has it."""

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|\((\w+)\)|(\w+))")
_SHOWN = 3


class OptionsFile(Struct, frozen=True, kw_only=True):
    """A file of job options.

    Attributes:
        places: the absolute paths of what may be files, by what it calls them.
        here: those of them that are here, though nothing says that they are inputs.
        mentions: the directories that it names.
    """

    options: JobOptions
    places: Mapping[str, str]
    here: frozenset[str] = frozenset()
    mentions: tuple[Mention, ...] = ()


class Travel(Struct, frozen=True, kw_only=True):
    """How job options travel.

    Attributes:
        spec: what was asked for, and the files that the options name.
        texts: the options as the jobs get them, by the paths of the files.
    """

    spec: JobSpec
    texts: Mapping[str, bytes]
    notes: tuple[str, ...]


class _Slot(Struct, frozen=True, kw_only=True):
    """A file that the options of a job name, or of all jobs, as a template."""

    path: str
    is_output: bool
    optional: bool = False


def resolved(said: str, environment: Mapping[str, str], cwd: Path) -> str:
    """The absolute path that job options mean; empty where it is none, or hangs on a variable that is not set."""
    path = _VARIABLE.sub(
        lambda found: environment.get(found[1] or found[2] or found[3], found[0]), said
    )
    if "$" in path or "://" in path or "%{" in path or not path.isprintable():
        return ""
    return absolute(path, cwd)


def at_home(spec: JobSpec, cwd: Path) -> JobSpec:
    """The words of jobs that run where they were submitted: `boss.exe OPTIONS`, as boss.condor does it."""
    return replace(spec, arguments=(absolute(spec.script, cwd), *spec.arguments))


def same_outputs_note(files: Mapping[str, OptionsFile], number: int) -> tuple[str, ...]:
    """That several jobs run the same options."""
    if number < 2 or len(files) > 1:
        return ()
    [only] = files.values()
    outputs = only.options.outputs
    if not outputs:
        return ()
    shown = ", ".join(outputs[:_SHOWN])
    return (
        f"all {number} jobs run the same job options, with the same random numbers, and write {shown}: a file for"
        " each, such as sim_%{ProcId}.txt, keeps them apart",
    )


def travelling(
    spec: JobSpec, files: Mapping[str, OptionsFile], jobs: Sequence[Values], cwd: Path
) -> Travel:
    """What was asked for, with the files that its job options, by their absolute paths, name as inputs and outputs.

    What the user says with -in and -out of the same file counts.

    Raises:
        NotExpressible: each job's options name other files, and not by the job's number; or their user does.
        OutputConflict: several jobs would write one file.
    """
    own = parse_template(absolute(spec.script, cwd)).fill_all(jobs)
    wanted = _asked(spec, jobs, cwd)
    rows = [_slots(files[path], each) for path, each in zip(own, wanted, strict=True)]
    slots = _templates(rows, jobs)
    script = PurePosixPath(spec.script).name
    names = _names(slots, spec, script, cwd)
    if len(files) < len(jobs):
        _check_shared(slots, names, len(jobs))
    added = [
        (FileRequest(name=name, url=slot.path, optional=slot.optional), slot.is_output)
        for slot, (name, said) in zip(slots, names, strict=True)
        if not said
    ]
    # The options are copied with the files' names in the job's directory; one example of that is told.
    texts: dict[str, bytes] = {}
    notes: tuple[str, ...] = ()
    for path, row, values in zip(own, rows, jobs, strict=True):
        if path not in texts:
            called = {
                slot.path: str(parse_template(name).fill_known(values))
                for slot, (name, _) in zip(row, names, strict=True)
            }
            _check_said(called, files[path].options)
            name_of = _renaming(files[path].places, called)
            texts[path] = files[path].options.rewritten(name_of)
            notes = notes or _told(script, files[path].options, name_of)
    return Travel(
        spec=replace(
            spec,
            arguments=(script, *spec.arguments),
            inputs=(
                *spec.inputs,
                FileRequest(name="", url=absolute(spec.script, cwd)),
                *(each for each, is_output in added if not is_output),
            ),
            outputs=(*spec.outputs, *(each for each, is_output in added if is_output)),
        ),
        texts=texts,
        notes=notes,
    )


def _check_shared(slots: Iterable[_Slot], names: Iterable[tuple[str, bool]], number: int) -> None:
    """Refuse what jobs with the same options cannot each have for themselves.

    Raises:
        OutputConflict: they would write one file.
        NotExpressible: their user calls a file something else in each of them.
    """
    for slot, (name, said) in zip(slots, names, strict=True):
        if parse_template(name).names() and said:
            raise NotExpressible(
                f"{slot.path} cannot be {name}: several jobs run the same job options",
                remedy="give it one name in all jobs; %{ProcId} belongs to the other side of -in or -out",
            )
        if slot.is_output and not said and not parse_template(slot.path).names():
            raise OutputConflict(
                f"all {number} jobs run the same job options, and would write {slot.path}",
                remedy="a file for each, such as sim_%{ProcId}.txt, with its own random numbers and outputs",
            )


def _check_said(called: Mapping[str, str], options: JobOptions) -> None:
    """Refuse names, as their user gave them, that the text of job options cannot hold."""
    for path, name in called.items():
        # Its own last name a file has in the text already.
        if name != PurePosixPath(path).name and not options.can_say(name):
            raise NotExpressible(
                f"{path} cannot be {name} in the job options, which have quotes around it in {options.encoding}",
                remedy="give it a name of plain letters: -in PATH=NAME",
            )


def _told(script: str, options: JobOptions, name_of: Callable[[NamedFile], str]) -> tuple[str, ...]:
    """That the options travel with other names in them; nothing where they do as they are."""
    names = {each.path: name_of(each) for each in options.files}
    other = [f"{path} is {name}" for path, name in names.items() if path != name]
    if not other:
        return ()
    shown = few(other, _SHOWN)
    return (f"{script} travels as a copy that names the job's own files: {shown}",)


def _renaming(places: Mapping[str, str], called: Mapping[str, str]) -> Callable[[NamedFile], str]:
    def name_of(file: NamedFile) -> str:
        return called.get(places.get(file.path, ""), file.path)

    return name_of


def _asked(spec: JobSpec, jobs: Sequence[Values], cwd: Path) -> list[frozenset[str]]:
    """The paths behind -in, job by job."""
    urls = [parse_template(absolute(each.url, cwd)) for each in spec.inputs]
    return [frozenset(str(url.fill_known(values)) for url in urls) for values in jobs]


def _slots(file: OptionsFile, wanted: frozenset[str]) -> list[_Slot]:
    """The files of one job, each once; what is behind -in (`wanted`) is a file, whatever it looks like."""
    found: dict[str, _Slot] = {}
    # Outputs first: what a job writes and reads again is no input.
    for each in sorted(file.options.files, key=lambda each: each.use != OUTPUT):
        path = file.places.get(each.path, "")
        if path and (each.use in (INPUT, OUTPUT) or path in file.here | wanted):
            is_output = each.use == OUTPUT
            found.setdefault(path, _Slot(path=path, is_output=is_output, optional=each.optional))
    return list(found.values())


def _templates(rows: Sequence[Sequence[_Slot]], jobs: Sequence[Values]) -> list[_Slot]:
    """The files of all jobs, named by what differs from job to job.

    Raises:
        NotExpressible: that does not tell them.
    """
    shapes = {tuple((each.is_output, each.optional) for each in row) for row in rows}
    columns = list(zip(*rows, strict=True)) if len(shapes) == 1 else []
    paths = [fitting_template([each.path for each in column], jobs) for column in columns]
    if len(shapes) > 1 or None in paths:
        raise NotExpressible(
            "the job options name other files in each job, and not by %{ProcId}, %{Index} or %{item}: what travels"
            " cannot be said of all jobs at once",
            remedy="submit them one by one, or keep them at home with -normt",
        )
    return [replace(each[0], path=path) for each, path in zip(columns, paths, strict=True)]


def _names(slots: Iterable[_Slot], spec: JobSpec, script: str, cwd: Path) -> list[tuple[str, bool]]:
    """What each file is called in the job's directory, and whether its user said so."""
    known = [
        *(_request_name(each) for each in spec.inputs),
        *(each.name for each in spec.outputs),
    ]
    taken = {script, *known}
    found = []
    for slot in slots:
        said = _said(slot, spec.outputs if slot.is_output else spec.inputs, cwd)
        name = said or _free(PurePosixPath(slot.path).name, taken)
        taken.add(name)
        found.append((name, bool(said)))
    return found


def _said(slot: _Slot, requests: Iterable[FileRequest], cwd: Path) -> str:
    """The name that the user gave a file; empty where nothing was said of it."""
    last = PurePosixPath(slot.path).name
    for each in requests:
        name = _request_name(each)
        if name == last or absolute(each.url, cwd) == slot.path:
            return last if is_pattern(name) else name
        if slot.is_output and is_pattern(name) and fnmatch.fnmatchcase(last, name):
            return last
    return ""


def _request_name(request: FileRequest) -> str:
    return request.name or PurePosixPath(request.url).name


def _free(name: str, taken: set[str]) -> str:
    """A name that nothing else has: run7/a.dst and run8/a.dst are a.dst and 2_a.dst in the job's directory."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{number}_{name}"
    return free
