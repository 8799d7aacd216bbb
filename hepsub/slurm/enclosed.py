"""The files of a submission's jobs as they stand in the batch script, where nodes see none of this host's directories.

Behind the script's last line stands an archive (tar, gzip, base64) of archives (tar): `all` has what every job gets,
`set/N` a list of sums and the program that it seals, `job/PROC` what is one job's own. scratch.sh takes three of them
out by their names; a tar that finds all below a directory's name is not everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from hepsub.plan.bundle_paths import (
    BUNDLED,
    CREDENTIALS,
    ITEMS_FILE,
    JOB,
    MANIFEST,
    PRIVATE,
    SCRATCH,
    SENT,
    SETS,
    SHARED,
)

_ALL, _SET = "all", "set"
_COMMON = (SHARED, f"{SHARED}/{BUNDLED}", f"{PRIVATE}/{CREDENTIALS}")


class Enclosed(Struct, frozen=True, kw_only=True):
    """A file as it is enclosed.

    Attributes:
        part: the archive that it is in.
        name: in the job's directory.
        executable: whether its owner may execute it.
    """

    part: str
    name: str
    content: bytes
    executable: bool = False


def read_enclosed(bundle: Path, number: int) -> Iterator[Enclosed]:
    """The files of a bundle that its jobs get; secrets are among them.

    Args:
        bundle: the bundle's own directory, complete.
        number: how many jobs it has.

    Raises:
        OSError: one cannot be read.
    """
    for directory in _COMMON:
        for path in _files(bundle / directory):
            if path.name != SCRATCH:  # which stands in the script as it is
                yield _enclosed(path, _ALL)
    for each in (bundle / SHARED / SETS).iterdir():
        for path in (*_files(each), *_files(each / SENT)):
            yield _enclosed(path, f"{_SET}/{each.name}")
    for proc in range(number):
        for path in (bundle / JOB / str(proc) / name for name in (MANIFEST, ITEMS_FILE)):
            if path.exists():
                yield _enclosed(path, f"{JOB}/{proc}")


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in sorted(directory.glob("*")) if path.is_file())


def _enclosed(path: Path, part: str) -> Enclosed:
    executable = bool(path.stat().st_mode & 0o100)
    return Enclosed(part=part, name=path.name, content=path.read_bytes(), executable=executable)


def packed(files: Iterable[Enclosed]) -> str:
    """The archive of files, in lines that every base64(1) and openssl can read."""
    import base64  # what only some submissions need
    import gzip

    parts: dict[str, list[Enclosed]] = {}
    for each in files:
        parts.setdefault(each.part, []).append(each)
    whole = _archive(
        Enclosed(part="", name=part, content=_archive(some)) for part, some in parts.items()
    )
    return base64.encodebytes(gzip.compress(whole, mtime=0)).decode("ascii")


def _archive(files: Iterable[Enclosed]) -> bytes:
    import io
    import tarfile

    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for each in files:
            member = tarfile.TarInfo(each.name)
            member.size, member.mode = len(each.content), 0o700 if each.executable else 0o600
            member.mtime = 1  # of 0 some tars say that it cannot be
            tar.addfile(member, io.BytesIO(each.content))
    return archive.getvalue()[: tar.offset]  # without what fills a tape's last record


def how_many_fit(files: Sequence[Enclosed], number: int, room: int) -> int:
    """About how many jobs' files fit, when those of all do not.

    Args:
        files: those of all jobs.
        number: how many jobs there are.
        room: bytes for the archive.
    """
    # What all jobs get is in it once: a further one costs less than the first, and the rest is proportional.
    others = {f"{JOB}/{proc}" for proc in range(1, number)}
    one = len(packed(each for each in files if each.part not in others))
    if one > room or number < 2:
        return 0
    further = (len(packed(files)) - one) / (number - 1)
    return 1 + int((room - one) / further)
