"""Which files a submission touches: programs, logs, directories; absolute, as templates."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from hepsub.errors import UsageError
from hepsub.job import JobSpec
from hepsub.plan.location import PlaceState, absolute
from hepsub.plan.template import Name, Template, Values, parse_template
from hepsub.terminal import few

STDIN = "-"
"""What is said after -list for a list on stdin."""

_NAMED = 3
_PER_JOB = frozenset({Name.PROC, Name.INDEX, Name.ITEM, Name.ITEMS})
_DIRECTORIES = (PlaceState.DIRECTORY, PlaceState.LOCKED_DIRECTORY)


class Layout(Struct, frozen=True, kw_only=True):
    """The files of a submission.

    Attributes:
        event_log: empty for none.
        said: the directories after -o, -e and -dir, as templates: what is missing of them is made, not refused.
    """

    executable: Template
    stdout: Template
    stderr: Template
    event_log: str
    said: frozenset[Template] = frozenset()


def asked_places(spec: JobSpec, cwd: Path) -> tuple[str, ...]:
    """The paths after -o, -e and -dir that may turn out to be directories."""
    texts = [text for text in (spec.stdout, spec.stderr, spec.directory) if text]
    return tuple(absolute(text, cwd) for text in texts)


def lay_out(spec: JobSpec, cwd: Path, places: Mapping[str, PlaceState], number: int = 1) -> Layout:
    """The files of so many jobs, where `places` tells what the asked places are.

    Raises:
        UsageError: a text has a name in it that is nearly, but not quite, a known one.
    """
    script = parse_template(spec.script, strict=True)
    directory = absolute(spec.directory, cwd) if spec.directory else str(cwd)
    logs: list[Template] = []
    said: set[Template] = set()
    for asked, kind in ((spec.stdout, "out"), (spec.stderr, "err")):
        inside = directory if asked is None else _directory(asked, cwd, places, number)
        name = f"{Path(str(script)).name}.{kind}.%{{ClusterId}}.%{{ProcId}}"
        if inside:
            logs.append(parse_template(f"{inside.rstrip('/')}/{name}"))
            said.add(parse_template(inside.rstrip("/") or "/"))
        else:
            logs.append(parse_template(absolute(asked or "", cwd)))
    return Layout(
        executable=parse_template(absolute(spec.script, cwd)),
        stdout=logs[0],
        stderr=logs[1],
        event_log=absolute(spec.event_log, cwd) if spec.event_log else "",
        said=frozenset(said),
    )


def _directory(asked: str, cwd: Path, places: Mapping[str, PlaceState], number: int) -> str:
    """The directory that a text after -o or -e means; empty where it means a file."""
    template = parse_template(asked, strict=True)
    path = absolute(asked, cwd)
    if asked.endswith("/") or places.get(path) in _DIRECTORIES:
        return path
    # One file for many jobs is HepJob's habit (`-n 1000 -o run.log`), and stays. But where nothing is yet, a plain word
    # that many jobs get is meant as their directory (`-n 293 -o log`).
    new = places.get(path, PlaceState.MISSING) is PlaceState.MISSING
    plain = not template.names() and "." not in Path(path).name
    return path if number > 1 and new and plain else ""


def log_notes(
    layout: Layout, new: Sequence[str], places: Mapping[str, PlaceState], number: int
) -> tuple[str, ...]:
    """Which directories are made (`new`), and that many jobs write into one file."""
    made = (_made_note(new),) if new else ()
    if number < 2:
        return made
    one: dict[str, list[str]] = {}
    for what, log in (("standard output", layout.stdout), ("standard error", layout.stderr)):
        if not log.names() & _PER_JOB and places.get(str(log)) is not PlaceState.DEVICE:
            one.setdefault(str(log), []).append(what)
    return made + tuple(
        f"all {number} jobs write their {' and '.join(what)} into {path}: %{{ProcId}} in its name gives each its own"
        for path, what in one.items()
    )


def _made_note(new: Sequence[str]) -> str:
    if len(new) == 1:
        return f"the directory {new[0]} is made for the jobs' logs"
    return f"these directories are made for the jobs' logs: {few(new, _NAMED)}"


def said_directories(layout: Layout, jobs: Sequence[Values]) -> frozenset[str]:
    """The directories after -o, -e and -dir."""
    return frozenset(text for each in layout.said for text in written_out(each, jobs))


def log_directories(layout: Layout, jobs: Sequence[Values]) -> dict[str, frozenset[str]]:
    """The directories that each of the two logs lies in, by the log; names that are not known stay names in it.

    Raises:
        UsageError: a directory is named after the submission, which has no id yet.
    """
    found: dict[str, frozenset[str]] = {}
    for template in (layout.stdout, layout.stderr):
        parent, last = (parse_template(text) for text in os.path.split(str(template)))
        if parent.names() & {Name.CLUSTER, Name.UUID}:
            raise UsageError(
                f"the log directory {parent} is named after the cluster, whose id is given at submission",
                remedy="put %{ClusterId} into the file's name instead",
            )
        texts = written_out(parent, jobs)
        # An item may be a path, and its log lies deeper then.
        if last.names() & {Name.ITEM, Name.ITEMS}:
            texts = [os.path.dirname(text) for text in template.fill_all(jobs)]
        found[str(template)] = frozenset(texts)
    return found


def written_out(template: Template, jobs: Sequence[Values]) -> list[str]:
    """The texts of a template for all jobs, once where it is the same for all."""
    return template.fill_all(jobs) if template.names() & _PER_JOB else [str(template)]


def said_texts(spec: JobSpec) -> list[str]:
    """The texts in which names stand for something."""
    values = [value for _, value in spec.environment.named if value]
    return [*path_texts(spec), *spec.arguments, *values]


def path_texts(spec: JobSpec) -> list[str]:
    """Those of them that are paths, or names of files."""
    files = [text for each in (*spec.inputs, *spec.outputs) for text in (each.name, each.url)]
    return [spec.script, spec.stdout or "", spec.stderr or "", spec.directory or "", *files]


def _item_names(spec: JobSpec) -> frozenset[Name]:
    """Which of `%{item}` and `%{items}` occur anywhere."""
    names = {name for text in said_texts(spec) for name in parse_template(text).names()}
    return frozenset(names & {Name.ITEM, Name.ITEMS})


def check_item_names(spec: JobSpec) -> None:
    """Refuse `%{item}` where there is no list.

    Raises:
        UsageError: `%{item}` is used without -list.
    """
    if spec.list_file is None and _item_names(spec):
        raise UsageError(
            "%{item} is used, but there is no list",
            remedy="give one with -list FILE, one job a line",
        )


def list_name(spec: JobSpec) -> str:
    """What messages call the list."""
    return "stdin" if spec.list_file == STDIN else spec.list_file or ""


_MACRO = r"\$\((?:ProcId|Process|ClusterId|Cluster|Item)\)"


def macro_note(spec: JobSpec) -> tuple[str, ...]:
    """That HTCondor's words for numbers are none here."""
    text = " ".join(spec.arguments)
    # To compile the expression takes longer than all else here, and nearly no line has one.
    words = re.findall(_MACRO, text, re.IGNORECASE) if "$(" in text else []
    if not words:
        return ()
    return (f"{words[0]} stays as it is: %{{ProcId}}, %{{ClusterId}} and %{{item}} are filled in",)


def list_note(spec: JobSpec) -> tuple[str, ...]:
    """What is strange about how the items of the list are used."""
    used = _item_names(spec)
    if spec.list_file is None or Name.ITEMS in used:
        return ()
    if not used:
        return (
            f"nothing uses the items of {list_name(spec)}: write %{{item}} where each job shall get its own",
        )
    if spec.per_bytes or (spec.per or 1) > 1:
        return ("%{item} is only the first item of each job: %{items} and items.txt have all",)
    return ()
