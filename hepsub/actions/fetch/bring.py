"""What is not here is brought here: copied from home, fetched from a store whose keys may end meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.fetch.local import copy_home, job_directory
from hepsub.actions.fetch.result import FetchedCluster, Here, Local, Order
from hepsub.plan.location import ObjectPlace
from hepsub.storage.destination import Destination
from hepsub.storage.download import Download, Downloader, DownloadResult, Progress
from hepsub.storage.workers import run_all

_COPIES_AT_ONCE = 4

_Key = tuple[int, int, str]


class _Wanted(Struct, frozen=True, kw_only=True):
    """A file that has to come here."""

    key: _Key
    file: Local
    landing: Destination


@dataclass(slots=True, kw_only=True)
class Brought:
    """What was brought.

    Attributes:
        clusters: the clusters, with their files as they stand now.
        moved: how many bytes came.
        interrupted: whether the user stopped it.
    """

    clusters: list[FetchedCluster] = field(default_factory=list)
    moved: int = 0
    interrupted: bool = False


def bring(
    clusters: Sequence[FetchedCluster],
    order: Order,
    downloader: Downloader,
    watch: Callable[[Progress], None],
) -> Brought:
    """Bring what is not here, and with -force what differs; a ^C ends it, and what has come is told."""
    wanted = list(_wanted(clusters, order))
    done: dict[_Key, Local] = {}
    brought = Brought()
    try:
        _copy([each for each in wanted if _place(each.file) is None], done)
        _fetch([each for each in wanted if _place(each.file)], done, downloader, watch)
    except KeyboardInterrupt:
        brought.interrupted = True
    for cluster in clusters:
        files = tuple(done.get(_key(cluster, each), each) for each in cluster.files)
        brought.clusters.append(replace(cluster, files=files))
    brought.moved = sum(each.output.size for each in done.values() if each.here is Here.FETCHED)
    return brought


def _wanted(clusters: Sequence[FetchedCluster], order: Order) -> Iterator[_Wanted]:
    for cluster in clusters:
        own = {
            job.proc: job_directory(job, order.directory, cluster.cluster) for job in cluster.jobs
        }
        for file in cluster.files:
            if file.here is Here.ABSENT or (file.here is Here.DIFFERENT and order.force):
                landing = own[file.output.proc].landing(file.output)
                assert landing is not None  # noqa: S101 (others have failed already)
                yield _Wanted(key=_key(cluster, file), file=file, landing=landing)


def _key(cluster: FetchedCluster, file: Local) -> _Key:
    return (cluster.cluster, file.output.proc, file.output.name)


def _place(file: Local) -> ObjectPlace | None:
    return file.output.source if isinstance(file.output.source, ObjectPlace) else None


def _copy(wanted: Sequence[_Wanted], done: dict[_Key, Local]) -> None:
    def copy(number: int, _: object) -> None:
        each = wanted[number]
        done[each.key] = copy_home(each.file, each.landing)

    run_all(len(wanted), copy, lambda: None, _COPIES_AT_ONCE)


def _fetch(
    wanted: Sequence[_Wanted],
    done: dict[_Key, Local],
    downloader: Downloader,
    watch: Callable[[Progress], None],
) -> None:
    keys = {id(each.landing): each for each in wanted}
    downloads = [_download(each) for each in wanted]

    def told(arrival: DownloadResult) -> None:
        each = keys[id(arrival.download.destination)]
        here = Here.FAILED if arrival.trouble else Here.FETCHED
        done[each.key] = replace(each.file, here=here, trouble=arrival.trouble)

    downloader.fetch(downloads, watch, told)


def _download(wanted: _Wanted) -> Download:
    output = wanted.file.output
    place = _place(wanted.file)
    assert place is not None  # noqa: S101 (asked before)
    return Download(
        place=place,
        size=output.size,
        etag=output.etag,
        md5=output.md5,
        modified=output.modified,
        destination=wanted.landing,
    )
