"""Outputs that HTCondor returned into the bundle, put where -out says.

A site without this host's file system cannot write to a path of it, so HTCondor returns such outputs first. Where
they go is the request's decision alone: what a job wrote there is opened, never followed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from hepsub.bundle.bundle import Bundle
from hepsub.bundle.report import Report, report_at
from hepsub.bundle.returned import OUTPUTS, Returned, returned_outputs
from hepsub.documents import Malformed
from hepsub.files import copy_whole, name_beside
from hepsub.plan.files import Carried
from hepsub.plan.location import FilePlace
from hepsub.terminal import few, printable
from hepsub.tree import Tree

_NAMED = 5


def place_outputs(bundle: Bundle, cluster: int, procs: Iterable[int]) -> tuple[str, ...]:
    """Move returned outputs of ended jobs to their paths; a sentence for each that could not be.

    A file that is there already is replaced whole, as the job itself would have done.
    """
    troubles: list[str] = []
    # Not of others: while HTCondor brings outputs home, a part of them lies there already, perhaps without the report.
    for proc in procs:
        job, directory = f"{cluster}.{proc}", bundle.returned(proc)
        try:
            with bundle.open_returned(proc) as tree:
                returned = returned_outputs(tree) if tree is not None else Returned()
                if tree is not None and returned:
                    troubles += left_text(job, directory / OUTPUTS, returned)
                    troubles += _place_job(bundle, tree, returned, proc, cluster)
        except (Malformed, OSError) as error:
            troubles.append(unusable_text(job, directory, error))
    return tuple(troubles)


def unusable_text(job: str, directory: Path, error: Malformed | OSError) -> str:
    """What to say where what a job brought back cannot be used."""
    why = error.strerror if isinstance(error, OSError) else error
    return printable(
        f"what {job} brought back stays in {directory}: {why}; hep_fetch {job} brings what can be read"
    )


def left_text(job: str, where: Path, returned: Returned) -> list[str]:
    """What to say of what is neither a file of the user's nor a directory; nothing where there is none."""
    if not returned.others:
        return []
    named = few([f"'{each}'" for each in returned.others], _NAMED)
    return [
        printable(
            f"{named} of {job} stay in {where}: links, and what is no regular file of yours, are not followed"
        )
    ]


def _place_job(
    bundle: Bundle, tree: Tree, returned: Returned, proc: int, cluster: int
) -> list[str]:
    goals: defaultdict[str, list[Path]] = defaultdict(list)
    taken: dict[Path, str] = {}
    troubles = []
    outputs = bundle.returned(proc) / OUTPUTS
    for name, goal in _goals(bundle, returned, proc, cluster):
        if taken.setdefault(goal, name) == name:
            goals[name].append(goal)
        else:
            source = printable(str(outputs / name))
            troubles.append(f"{source} stays there: another match has the same file name")
    report = report_at(tree) if goals else None
    for name in goals:
        if report is not None and not report.was_returned(name):
            continue  # an earlier run of the job left it: HTCondor adds to the directory, and never empties it
        source = printable(str(outputs / name))
        size = sum(each.st_size for each in returned.below(name).values())
        if size > bundle.request.staging.home_limit:
            troubles.append(f"{source} is larger than what may come home: it stays there")
            continue
        if report is not None and not _is_as_told(tree, returned, name, report):
            troubles.append(
                f"{source} is not the file that the job's report tells of: it stays there"
            )
            continue
        own = [_put(tree, returned, name, goal) for goal in goals[name]]
        troubles += [f"{text}; it lies in {source}" for text in own if text]
        if not any(own):
            _remove(tree, returned, name)
    return troubles


def _is_as_told(tree: Tree, returned: Returned, name: str, report: Report) -> bool:
    """Whether an output is what its job's last run had: HTCondor may leave a part of it, or an earlier run's file."""
    for each, facts in returned.below(name).items():
        if not report.was_returned(each, facts.st_size):
            return False
        said = report.output_named(each)
        if said is not None and said.md5:
            with os.fdopen(tree.open(f"{OUTPUTS}/{each}"), "rb") as file:
                if hashlib.file_digest(file, "md5").hexdigest() != said.md5:
                    return False
    return True


def _goals(
    bundle: Bundle, returned: Returned, proc: int, cluster: int
) -> Iterator[tuple[str, Path]]:
    """The returned outputs of a job that have to be at a path, and where."""
    for each in bundle.request.staging.outputs_of(bundle.request.values(proc, cluster)):
        if isinstance(each.place, FilePlace):
            names = returned.of(each)
            if not each.is_pattern:
                names = [each.name] if names else []
            for name in names:
                yield name, _goal(each, each.place, name, is_file=name in returned.files)


def _goal(output: Carried, place: FilePlace, name: str, *, is_file: bool) -> Path:
    """Where an output has to be, as the job itself does it where it can: what is a directory gets it."""
    last = name.rpartition("/")[2]  # all that counts of a match of a pattern
    path = Path(place.path)
    itself = path.name == last and not is_file
    return path / last if output.is_pattern or (path.is_dir() and not itself) else path


def _put(tree: Tree, returned: Returned, name: str, goal: Path) -> str:
    """Copy a file or a directory to its path, where other files stay; why it could not be, in words."""
    if name in returned.files:
        return _copy(tree, f"{OUTPUTS}/{name}", goal)
    names = [each.removeprefix(f"{name}/") for each in returned.below(name)]
    # Beside the goal first, all of it: a full disk is noticed before anything of the user's is replaced.
    whole = goal.with_name(name_beside(goal.name))
    try:
        for each in names:
            if trouble := _copy(tree, f"{OUTPUTS}/{name}/{each}", whole / each):
                return trouble
        for each in names:
            (goal / each).parent.mkdir(parents=True, exist_ok=True)
            (whole / each).replace(goal / each)
    except OSError as error:
        return printable(f"{goal} could not be written ({error.strerror})")
    finally:
        shutil.rmtree(whole, ignore_errors=True)
    return ""


def _remove(tree: Tree, returned: Returned, name: str) -> None:
    """Remove what is in its place now; links that were not followed stay."""
    for each in returned.below(name):
        tree.remove(f"{OUTPUTS}/{each}")


def _copy(tree: Tree, name: str, goal: Path) -> str:
    """Copy a file to its path; why it could not be, in words."""
    try:
        goal.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(tree.open(name), "rb") as source:
            facts = os.fstat(source.fileno())
            copy_whole(source, goal, stat.S_IMODE(facts.st_mode) & 0o777)
        # hep_fetch goes by the time where there is no checksum (fetch/local.py).
        os.utime(goal, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    except OSError as error:
        return printable(f"{goal} could not be written ({error.strerror})")
    return ""
