"""The logs of jobs that may write nothing but their own corner of the bundle.

HTCondor's shadow writes stdout and stderr for such a job, and LimitDirectoryAccess holds for it too: naming
the user's directory would open it to the job. So the logs lie in the corner, as empty files that are made
beforehand; HTCondor writes into what is there, and second links show it under the names that the user knows.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from hepsub.bundle.bundle import Bundle, usable
from hepsub.files import copy_whole, name_beside, write_whole
from hepsub.plan.bundle_paths import JOB, STDERR, STDOUT, UNLINKED, corner_of
from hepsub.tree import Tree, open_tree

_NO_SECOND_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP)


def make_logs(corners: int, corner: str, names: tuple[str, str], made: dict[str, str]) -> None:
    """Make the empty logs of a job.

    Args:
        corners: a descriptor of the directory of all corners, into which nobody else writes yet.
        corner: the job's own directory in it.
        names: the user's names for standard output and standard error; one name means one file.
        made: the logs that were made, by the user's name: jobs that share one share the file; this job's are added.

    Raises:
        OSError: one cannot be made.
    """
    for name, path in _files(names):
        log = f"{corner}/{name}"
        try:
            os.link(made[path], log, src_dir_fd=corners, dst_dir_fd=corners)
        except (KeyError, OSError):  # the first of its name, or the file has too many links
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            os.close(os.open(log, flags, 0o666, dir_fd=corners))
            made[path] = log


def _files(names: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """The logs that are files, each once: the name in the corner, and the user's."""
    stdout, stderr = names
    pairs = ((STDOUT, stdout), *(((STDERR, stderr),) if stderr != stdout else ()))
    return tuple((name, path) for name, path in pairs if path != "/dev/null")


def _all_files(bundle: Bundle, cluster: int) -> Iterator[tuple[str, str, Path]]:
    """The logs of all jobs: the corner, the name in it, and the user's."""
    for proc in range(bundle.request.number):
        for name, path in _files(bundle.request.log_names(proc, cluster)):
            yield corner_of(proc), name, Path(path)


def link_logs(bundle: Bundle, cluster: int) -> tuple[str, ...]:
    """Give the logs of jobs the names that the user knows; a sentence where that cannot be.

    Raises:
        BundleUnusable: the bundle cannot be read.
    """
    if not bundle.request.staging.confined:
        return ()
    with usable(bundle.directory):
        note = _link_all(bundle, cluster)
        if note:
            # Else nothing is copied when the jobs have ended: a log that is not there then was removed by its user.
            write_whole(bundle.private(UNLINKED), "", 0o600)
    return (note,) if note else ()


def _link_all(bundle: Bundle, cluster: int) -> str:
    """Link the logs of all jobs; why the first of them that cannot be is not, in words."""
    with open_tree(bundle.directory) as tree:
        for place, name, goal in _all_files(bundle, cluster):
            try:
                with tree.below(place) as corner:
                    _link_over(corner, name, goal)
            except OSError as error:
                # The others are most often in the same directory: one sentence is enough for ten thousand.
                return _not_linked(bundle, goal, error)
    return ""


def _not_linked(bundle: Bundle, goal: Path, error: OSError) -> str:
    where = f"{bundle.directory}/{JOB}/PROC"
    if error.errno in _NO_SECOND_LINK:
        return (
            f"stdout and stderr lie in {where} until the jobs have ended, because {goal.parent} is on another file"
            " system; hep_auth renew and hep_sub -wait put them there then"
        )
    return f"{goal} cannot be written ({error.strerror}); stdout and stderr lie in {where}"


def _link_over(corner: Tree, name: str, goal: Path) -> None:
    """Give a log another name; what has it is replaced.

    Raises:
        OSError: it cannot have it, or is no regular file.
    """
    facts = corner.look(name)
    if facts is None or not stat.S_ISREG(facts.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", name)
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(facts, os.stat(goal, follow_symlinks=False)):
            return
    temporary = goal.with_name(name_beside(goal.name))
    os.link(name, temporary, src_dir_fd=corner.descriptor, follow_symlinks=False)
    try:
        # The job may write in its corner, and exchange its log between our look and our link.
        if not os.path.samestat(facts, os.stat(temporary, follow_symlinks=False)):
            raise OSError(errno.EINVAL, "it was exchanged", name)
        temporary.replace(goal)
    finally:
        temporary.unlink(missing_ok=True)


def place_logs(bundle: Bundle, cluster: int) -> tuple[str, ...]:
    """Copy the logs of ended jobs to the names that the user knows, where those are no links to them.

    Returns:
        A sentence for each that could not be copied.
    """
    if not bundle.private(UNLINKED).exists():
        return ()
    troubles = []
    for place, name, goal in _all_files(bundle, cluster):
        try:
            with open_tree(bundle.directory) as tree:
                if (facts := tree.look(f"{place}/{name}")) is not None and not _shows(goal, facts):
                    with os.fdopen(tree.open(f"{place}/{name}"), "rb") as log:
                        copy_whole(log, goal, 0o666)
        except OSError as error:
            # Also where the goal's directory is gone: these are the only copies, and leave with the corners.
            troubles.append(f"{goal} cannot be written ({error.strerror or error})")
    return tuple(troubles)


def _shows(goal: Path, log: os.stat_result) -> bool:
    """Whether the user's file is the log, or a copy of it as it is now."""
    try:
        there = goal.stat()
    except FileNotFoundError:
        return False
    copied = there.st_mtime >= log.st_mtime and there.st_size == log.st_size
    return os.path.samestat(there, log) or copied
