"""Missing files are copied from what HTCondor returned, or downloaded from a store, whose keys may end meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from msgspec.structs import replace

from hepsub.actions.fetch.local import copy_returned
from hepsub.actions.fetch.result import FetchedCluster, FetchRequest, LocalFile, LocalState
from hepsub.plan.location import ObjectPlace
from hepsub.session import Session
from hepsub.storage.destination import Destination
from hepsub.storage.download import Download, Downloader, DownloadResult, Progress
from hepsub.storage.workers import run_all

_COPIES_AT_ONCE = 4
"""More copies at once make one disk, or one file server, no faster."""

_Done: TypeAlias = dict[Destination | None, LocalFile]


@dataclass(slots=True, kw_only=True)
class Transferred:
    """What was transferred.

    Attributes:
        moved: how many bytes came.
        interrupted: whether the user stopped it.
    """

    clusters: list[FetchedCluster] = field(default_factory=list)
    moved: int = 0
    interrupted: bool = False


def transfer_files(
    session: Session,
    clusters: Sequence[FetchedCluster],
    wanted: FetchRequest,
    downloader: Downloader,
) -> Transferred:
    """Transfer what is missing, and with -force what differs; after Ctrl-C the result has what was transferred."""
    wanted_states = {LocalState.ABSENT, *((LocalState.DIFFERENT,) if wanted.force else ())}
    files = [file for each in clusters for file in each.files if file.state in wanted_states]
    done: _Done = {}
    transferred = Transferred()
    try:
        _copy(session, [each for each in files if not _is_object(each)], done)
        _fetch(session, [each for each in files if _is_object(each)], done, downloader)
    except KeyboardInterrupt:
        transferred.interrupted = True
    for cluster in clusters:
        now = tuple(done.get(each.destination, each) for each in cluster.files)
        transferred.clusters.append(replace(cluster, files=now))
    transferred.moved = sum(
        each.output.size for each in done.values() if each.state is LocalState.FETCHED
    )
    return transferred


def _is_object(file: LocalFile) -> bool:
    return isinstance(file.output.source, ObjectPlace)


def _copy(session: Session, files: Sequence[LocalFile], done: _Done) -> None:
    with session.progress.step("copying what came home", len(files)) as step:

        def copy(number: int, _: object) -> None:
            each = files[number]
            done[each.destination] = copy_returned(each)
            step.advance()

        run_all(len(files), copy, lambda: None, _COPIES_AT_ONCE)


def _fetch(
    session: Session, files: Sequence[LocalFile], done: _Done, downloader: Downloader
) -> None:
    waiting = {each.destination: each for each in files}

    def told(arrival: DownloadResult) -> None:
        each = waiting[arrival.download.destination]
        state = LocalState.FAILED if arrival.trouble else LocalState.FETCHED
        done[each.destination] = replace(each, state=state, trouble=arrival.trouble)

    with session.progress.step("") as step:
        downloader.fetch(
            [_download(each) for each in files],
            lambda meter: step.see(_how_far(meter), max(0, meter.moved), meter.size, in_bytes=True),
            told,
        )


def _how_far(meter: Progress) -> str:
    """Large files are read once more for their checksums, a little behind what comes."""
    is_here = meter.done < meter.number and meter.moved >= meter.size
    return f"{meter.done} of {meter.number} files{', checking' if is_here else ''}"


def _download(file: LocalFile) -> Download:
    output = file.output
    assert isinstance(output.source, ObjectPlace)  # noqa: S101 (others are copied)
    assert file.destination is not None  # noqa: S101 (others have failed already)
    return Download(
        place=output.source,
        size=output.size,
        etag=output.etag,
        md5=output.md5,
        modified=output.modified,
        destination=file.destination,
    )
