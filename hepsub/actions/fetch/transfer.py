"""Missing files are copied from what HTCondor returned, or downloaded from a store, whose keys may end meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.fetch.local import copy_returned, job_directory
from hepsub.actions.fetch.result import FetchedCluster, FetchRequest, LocalFile, LocalState
from hepsub.plan.location import ObjectPlace
from hepsub.session import Session
from hepsub.storage.destination import Destination
from hepsub.storage.download import Download, Downloader, DownloadResult, Progress
from hepsub.storage.workers import run_all

_COPIES_AT_ONCE = 4

_Key = tuple[int, int, str]


class _Transfer(Struct, frozen=True, kw_only=True):
    """A file that is copied or downloaded, and where to."""

    key: _Key
    file: LocalFile
    destination: Destination


@dataclass(slots=True, kw_only=True)
class Transferred:
    """What was transferred.

    Attributes:
        clusters: the clusters, with the state of their files now.
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
    transfers = list(_transfers(clusters, wanted))
    done: dict[_Key, LocalFile] = {}
    transferred = Transferred()
    try:
        _copy(session, [each for each in transfers if _place(each.file) is None], done)
        _fetch(session, [each for each in transfers if _place(each.file)], done, downloader)
    except KeyboardInterrupt:
        transferred.interrupted = True
    for cluster in clusters:
        files = tuple(done.get(_key(cluster, each), each) for each in cluster.files)
        transferred.clusters.append(replace(cluster, files=files))
    transferred.moved = sum(
        each.output.size for each in done.values() if each.state is LocalState.FETCHED
    )
    return transferred


def _transfers(clusters: Sequence[FetchedCluster], wanted: FetchRequest) -> Iterator[_Transfer]:
    for cluster in clusters:
        own = {
            job.proc: job_directory(job, wanted.directory, cluster.cluster, cluster.again)
            for job in cluster.jobs
        }
        for file in cluster.files:
            if file.state is LocalState.ABSENT or (
                file.state is LocalState.DIFFERENT and wanted.force
            ):
                destination = own[file.output.proc].destination(file.output)
                assert destination is not None  # noqa: S101 (others have failed already)
                yield _Transfer(key=_key(cluster, file), file=file, destination=destination)


def _key(cluster: FetchedCluster, file: LocalFile) -> _Key:
    return (cluster.cluster, file.output.proc, file.output.name)


def _place(file: LocalFile) -> ObjectPlace | None:
    return file.output.source if isinstance(file.output.source, ObjectPlace) else None


def _copy(session: Session, transfers: Sequence[_Transfer], done: dict[_Key, LocalFile]) -> None:
    with session.progress.step("copying what came home", len(transfers)) as step:

        def copy(number: int, _: object) -> None:
            each = transfers[number]
            done[each.key] = copy_returned(each.file, each.destination)
            step.advance()

        run_all(len(transfers), copy, lambda: None, _COPIES_AT_ONCE)


def _fetch(
    session: Session,
    transfers: Sequence[_Transfer],
    done: dict[_Key, LocalFile],
    downloader: Downloader,
) -> None:
    keys = {id(each.destination): each for each in transfers}
    downloads = [_download(each) for each in transfers]

    def told(arrival: DownloadResult) -> None:
        each = keys[id(arrival.download.destination)]
        state = LocalState.FAILED if arrival.trouble else LocalState.FETCHED
        done[each.key] = replace(each.file, state=state, trouble=arrival.trouble)

    with session.progress.step("") as step:
        downloader.fetch(
            downloads,
            lambda meter: step.see(_how_far(meter), max(0, meter.moved), meter.size, in_bytes=True),
            told,
        )


def _how_far(meter: Progress) -> str:
    """Large files are read once more for their checksums, a little behind what comes."""
    is_here = meter.done < meter.number and meter.moved >= meter.size
    return f"{meter.done} of {meter.number} files{', checking' if is_here else ''}"


def _download(transfer: _Transfer) -> Download:
    output = transfer.file.output
    place = _place(transfer.file)
    assert place is not None  # noqa: S101 (asked before)
    return Download(
        place=place,
        size=output.size,
        etag=output.etag,
        md5=output.md5,
        modified=output.modified,
        destination=transfer.destination,
    )
