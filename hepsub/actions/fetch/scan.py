"""What there is of a submission's outputs: returned reports, objects by listings, markers where needed."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.fetch.result import Job, Output, RemoteListing
from hepsub.actions.submissions import SelectedJobs
from hepsub.bundle.bundle import Bundle
from hepsub.bundle.manifest import marker_place
from hepsub.bundle.report import LARGEST, REPORT, read_report
from hepsub.bundle.returned import ReturnedFile, content_at, returned_outputs
from hepsub.documents import Malformed
from hepsub.errors import HepsubError
from hepsub.jobid import SubmissionRef
from hepsub.plan.files import is_pattern
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import ObjectInfo
from hepsub.storage.download import Downloader
from hepsub.storage.listing import see_directories
from hepsub.storage.lookup import see_objects
from hepsub.storage.stores import Stores
from hepsub.terminal import printable
from hepsub.tree import Tree


class Scan(Struct, frozen=True, kw_only=True):
    """The jobs that are meant, what the stores have of them, and which stores could not be asked."""

    jobs: tuple[Job, ...]
    listing: RemoteListing
    errors: tuple[HepsubError, ...] = ()


def scan_submission(
    selected: SelectedJobs, bundle: Bundle, stores: Stores, downloader: Downloader
) -> Scan:
    """Look at everything that the jobs may have left, wherever it may be."""
    jobs = [_job(selected.ref, bundle, proc) for proc in selected.procs]
    errors: dict[str, HepsubError] = {}
    objects = _see_all(jobs, stores, errors)
    jobs = _with_markers(jobs, objects, downloader)
    urls = {
        place: unquote(stores.store(place.storage).url(place.bucket, place.key))
        for place in objects
    }
    reports = [report for job in jobs for report in (job.report, job.marked) if report is not None]
    listing = RemoteListing(
        objects=objects,
        urls=urls,
        troubles={name: error.message for name, error in errors.items()},
        reported=frozenset(url for report in reports for url in report.by_url()),
        shared=_shared(bundle, selected.ref.cluster),
    )
    return Scan(jobs=tuple(jobs), listing=listing, errors=tuple(errors.values()))


def _job(ref: SubmissionRef, bundle: Bundle, proc: int) -> Job:
    request = bundle.request
    carried = request.staging.outputs_of(request.values(proc, ref.cluster))
    marker = marker_place(carried, request.uuid, proc)
    job = Job(proc=proc, carried=carried, bundle=bundle, marker=marker)
    try:
        with bundle.open_returned(proc) as tree:
            if tree is None:
                return job
            job = _with_report(job, tree)
            return replace(job, returned=returned_outputs(tree))
    except OSError as error:
        return _without(job, f"what came home cannot be looked at: {error.strerror}")


def _with_report(job: Job, tree: Tree) -> Job:
    """The job with what its wrapper reported last."""
    try:
        content = content_at(tree, REPORT, LARGEST)
        if content is None:
            return job
        report = read_report(content)
    except Malformed as error:
        return _without(job, f"its {REPORT} cannot be used: {error}")
    facts = tree.look(REPORT)
    file = Output(
        proc=job.proc,
        name=REPORT,
        source=ReturnedFile(bundle=job.bundle, proc=job.proc, name=REPORT),
        size=len(content),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        modified=facts.st_mtime if facts is not None else 0.0,
    )
    return replace(job, report=report, report_file=file)


def _without(job: Job, why: str) -> Job:
    return replace(job, unusable=(*job.unusable, printable(why)))


class _Wanted(Struct, frozen=True, kw_only=True):
    """What is looked for in a bucket.

    Attributes:
        keys: single objects, those of one rule together: they often lie in one directory, which is listed then.
        prefixes: directories with what matches patterns, each once.
    """

    keys: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    prefixes: dict[str, None] = field(default_factory=dict)


def _wanted(jobs: Sequence[Job]) -> Mapping[tuple[str, str], _Wanted]:
    """The objects to look for, by storage and bucket."""
    found: defaultdict[tuple[str, str], _Wanted] = defaultdict(_Wanted)
    for job in jobs:
        for number, each in enumerate(job.carried):
            if isinstance(each.place, ObjectPlace):
                bucket = found[each.place.storage, each.place.bucket]
                if each.is_pattern:
                    bucket.prefixes[each.place.key] = None
                else:
                    bucket.keys[str(number)].append(each.place.key)
        if job.marker is not None:
            found[job.marker.storage, job.marker.bucket].keys["marker"].append(job.marker.key)
    return found


def _see_all(
    jobs: Sequence[Job], stores: Stores, errors: dict[str, HepsubError]
) -> dict[ObjectPlace, ObjectInfo]:
    """The objects that exist; a storage that cannot be asked is noted, and left alone from then on."""
    seen: dict[ObjectPlace, ObjectInfo] = {}
    for (storage, bucket), wanted in _wanted(jobs).items():
        if storage in errors:
            continue
        try:
            store = stores.store(storage)
            single = see_objects(store, bucket, wanted.keys.values())
            keys = single | see_directories(store, bucket, wanted.prefixes)
        except HepsubError as error:
            errors[storage] = error
            continue
        seen |= {
            ObjectPlace(storage=storage, bucket=bucket, key=key): each for key, each in keys.items()
        }
    return seen


def _with_markers(
    jobs: Sequence[Job], objects: Mapping[ObjectPlace, ObjectInfo], downloader: Downloader
) -> list[Job]:
    """The jobs with what their markers say; a marker that is the returned report is not fetched."""
    markers = {job.proc: job.marker for job in jobs if job.marker is not None}
    there = {proc: place for proc, place in markers.items() if place in objects}
    same = {
        job.proc
        for job in jobs
        if job.report_file is not None
        and job.proc in there
        and objects[there[job.proc]].md5 == job.report_file.md5
    }
    # Ten thousand jobs have as many markers: each that is known already saves a request.
    contents = downloader.read([there[proc] for proc in there if proc not in same], LARGEST)
    return [
        replace(job, marked=job.report)
        if job.proc in same
        else _with_marker(job, contents.get(there[job.proc]) if job.proc in there else None)
        for job in jobs
    ]


def _with_marker(job: Job, content: bytes | None) -> Job:
    if content is None:
        return job
    try:
        return replace(job, marked=read_report(content))
    except Malformed as error:
        return _without(job, f"its marker {job.marker} cannot be used: {error}")


def _shared(bundle: Bundle, cluster: int) -> frozenset[ObjectPlace]:
    """The prefixes of patterns that are the same for several jobs."""
    request = bundle.request
    counts: Counter[ObjectPlace] = Counter()
    # Most submissions have no patterns: their jobs' places are not made for nothing.
    if request.number < 2 or not any(is_pattern(str(r.name)) for r in request.staging.outputs):
        return frozenset()
    for proc in range(request.number):
        for each in request.staging.outputs_of(request.values(proc, cluster)):
            if each.is_pattern and isinstance(each.place, ObjectPlace):
                counts[each.place] += 1
    return frozenset(place for place, number in counts.items() if number > 1)
