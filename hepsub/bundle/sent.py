"""What HTCondor sends with the jobs besides their manifests: copies, and the list of their SHA-256.

LimitDirectoryAccess has no read-only form, so a job may write into what is sent to the others. Therefore
nobody uses any of it before it was compared: the wrapper's digest, and that of the list, stand in the job's
ad. And therefore they are copies: a second link would change the user's own file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from msgspec import Struct, field

from hepsub.bundle.manifest import environment_text, escaped
from hepsub.errors import InputsMissing
from hepsub.files import write_whole
from hepsub.plan.bundle_paths import ENVIRONMENT_FILE, NO_LIST, SCRATCH, WRAPPER
from hepsub.plan.files import Carried
from hepsub.plan.location import FilePlace
from hepsub.plan.staging import Seal, Staging, StagingPlan
from hepsub.plan.template import Name, Template, Values

WORKER_FILES = (WRAPPER, SCRATCH)

_FICLONE = 0x40049409
"""ioctl_ficlone(2): the copy shares the original's blocks until one of the two changes."""


class SentSet(Struct, frozen=True, kw_only=True):
    """Files that some jobs get.

    Attributes:
        payload: the name of the program in the job's directory; empty where it is not sent.
        files: the name in the job's directory → the user's file or directory.
        image: the container image in which the wrapper starts the program; empty where it does not.
        texts: what is sent in place of what is in a file of these, by its path.
    """

    payload: str
    files: Mapping[str, str]
    image: str = ""
    texts: Mapping[str, bytes] = field(default_factory=dict)


def worker_file(name: str) -> str:
    """The text of a script that runs on the worker node."""
    return Path(__file__).parents[1].joinpath("worker", name).read_text(encoding="utf-8")


def sent_sets(
    staging: Staging, executable: Template, jobs: Sequence[Values]
) -> tuple[tuple[SentSet, ...], tuple[int, ...]]:
    """The sets of files that jobs get, each once, and which of them each job gets; none for the only one."""
    if staging.shared:
        return (SentSet(payload="", files={}, image=staging.image),), ()
    names = executable.names().union(*(rule.names() for rule in staging.inputs))
    if names <= {Name.CLUSTER}:
        # Most often so: ten thousand jobs get the same files, and it is not looked at each.
        script = executable.fill(jobs[0])
        return (_set_of(script, staging.inputs_of(jobs[0]), staging),), ()
    scripts = executable.fill_all(jobs)
    rows = staging.carried_by(jobs).inputs
    found: dict[tuple[tuple[str, str], ...], int] = {}
    sets: list[SentSet] = []
    which: list[int] = []
    for script, inputs in zip(scripts, rows, strict=True):
        one = _set_of(script, inputs, staging)
        key = tuple(one.files.items())
        if key not in found:
            found[key] = len(sets)
            sets.append(one)
        which.append(found[key])
    return tuple(sets), (tuple(which) if len(sets) > 1 else ())


def _set_of(script: str, inputs: Iterable[Carried], staging: Staging) -> SentSet:
    payload = PurePosixPath(script).name
    paths = {e.name: e.place.path for e in inputs if isinstance(e.place, FilePlace)}
    return SentSet(
        payload=payload,
        files={payload: script} | paths,
        image=staging.image,
        texts=staging.texts if isinstance(staging, StagingPlan) else {},
    )


def list_text(sent: SentSet, digests: Mapping[str, str]) -> str:
    """What a job compares: its program's name, its image, the SHA-256 of all that it gets; empty for nothing."""
    lines = [f"payload\t{escaped(sent.payload)}"] if sent.payload else []
    lines += [f"image\t{escaped(sent.image)}"] if sent.image else []
    lines += [f"sha256\t{value}\t{escaped(name)}" for name, value in digests.items()]
    return "".join(f"{line}\n" for line in lines)


def seal_of(wrapper: str, lists: tuple[str, ...], set_of: tuple[int, ...]) -> Seal:
    """The seal of a wrapper and of lists."""
    return Seal(
        wrapper=_digest(wrapper), sets=tuple(_digest(each) for each in lists), set_of=set_of
    )


def preview_seal(
    staging: Staging, executable: Template, jobs: Sequence[Values], secrets: Mapping[str, str]
) -> Seal:
    """The seal as it would be, of the user's files as they are now; nothing is written.

    Raises:
        OSError: one of them cannot be read.
    """
    sets, set_of = sent_sets(staging, executable, jobs)
    common = common_digests(staging, secrets)
    lists = tuple(list_text(each, _digests_there(each) | common) for each in sets)
    return seal_of(worker_file(WRAPPER), lists, set_of)


def common_digests(
    staging: Staging, secrets: Mapping[str, str], letters: Mapping[str, Path] | None = None
) -> dict[str, str]:
    """The SHA-256 of what all jobs get: certificates, libraries, keys of letters, variables; by their names there.

    Args:
        staging: how files travel.
        secrets: the variables that travel in a file.
        letters: what letters are opened with; None where that is not made yet.

    Raises:
        OSError: a certificate cannot be read.
    """
    found = {n: _file_digest(Path(p)) for n, p in staging.authorities.items()}
    found |= {each.archive: each.sha256 for each in staging.libraries}
    found |= {name: _file_digest(path) for name, path in (letters or {}).items()}
    return found | ({ENVIRONMENT_FILE: _digest(environment_text(secrets))} if secrets else {})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest() if text else NO_LIST


def _digests_there(sent: SentSet) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, source in sent.files.items():
        if source in sent.texts:
            found[name] = hashlib.sha256(sent.texts[source]).hexdigest()
        else:
            found |= {below: _file_digest(path) for below, path in _files_of(name, Path(source))}
    return found


def _files_of(name: str, source: Path) -> Iterator[tuple[str, Path]]:
    """A file, or those below a directory, links followed: as they are copied; what is no file counts for nothing."""
    if not source.is_dir():
        yield name, source
        return
    for directory, _, names in os.walk(source, followlinks=True):
        for each in sorted(names):
            path = Path(directory, each)
            if path.is_file():
                yield f"{name}/{path.relative_to(source)}", path


def _no_files(directory: str, names: list[str]) -> set[str]:
    """What of a directory is not copied: links that lead nowhere (an editor's locks), FIFOs and the like."""
    paths = {name: Path(directory, name) for name in names}
    return {name for name, path in paths.items() if not (path.is_file() or path.is_dir())}


def copy_set(sent: SentSet, goal: Path, copies: dict[str, Path]) -> dict[str, str]:
    """Copy the files of a set into a directory, for this user alone.

    Args:
        sent: the set.
        goal: the directory.
        copies: the copies that other sets have, by the user's file: one of them serves all; the new ones are
            added.

    Returns:
        The SHA-256 of each file by its name.

    Raises:
        InputsMissing: one cannot be read.
        OSError: one cannot be written.
    """
    digests: dict[str, str] = {}
    for name, source in sent.files.items():
        path = goal / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if source in sent.texts:
            write_whole(path, sent.texts[source], 0o600)
        elif source in copies:  # a link to our copy, of which the user's file knows nothing
            os.link(copies[source], path)
        else:
            _copy(Path(source), path)
            if path.is_file():
                copies[source] = path
        digests |= {below: _file_digest(each) for below, each in _files_of(name, path)}
    return digests


def _copy(source: Path, goal: Path) -> None:
    """Copy a file or a directory of the user's.

    Raises:
        InputsMissing: it cannot be read, though it could when the submission was planned.
        OSError: it cannot be written.
    """
    try:
        if source.is_dir():
            shutil.copytree(source, goal, ignore=_no_files)
        else:
            copy_file(source, goal)
    except shutil.Error as error:
        # It has a list of what could not be copied, each with its words alone, and goes on after a full disk.
        _, _, why = error.args[0][0]
        for full in (errno.ENOSPC, errno.EDQUOT):
            if why.startswith(f"[Errno {full}]"):
                raise OSError(full, os.strerror(full), str(goal)) from error
        raise _unreadable(source, why) from error
    except OSError as error:
        if error.filename == str(source):
            raise _unreadable(source, error.strerror) from error
        raise


def _unreadable(source: Path, why: str | None) -> InputsMissing:
    return InputsMissing(
        f"{source} cannot be copied for the jobs: {why}", remedy="submit again when it can be read"
    )


def copy_file(source: Path, goal: Path) -> None:
    """Copy a file; where the file system can, the two share their blocks.

    Raises:
        OSError: it cannot be read or written.
    """
    _check_regular(source)
    with source.open("rb") as origin, goal.open("xb") as copy:
        mode = os.fstat(origin.fileno()).st_mode
        os.fchmod(copy.fileno(), 0o700 if mode & 0o100 else 0o600)
        with contextlib.suppress(OSError):  # another file system, or one that cannot
            fcntl.ioctl(copy.fileno(), _FICLONE, origin.fileno())
            return
        shutil.copyfileobj(origin, copy, 2**20)


def _check_regular(path: Path) -> None:
    """Refuse what has no end, or whose other end would be waited for.

    Raises:
        OSError: it is no regular file, or is not there.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))


def _file_digest(path: Path) -> str:
    _check_regular(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
