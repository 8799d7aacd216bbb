"""Whether what there is of a job is whole, and of one run of it. Decisions, no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hepsub.actions.fetch.result import Job, Missing, Output, RemoteListing
from hepsub.bundle.report import UPLOADED, ReportedOutput
from hepsub.plan.files import Carried
from hepsub.plan.location import ObjectPlace
from hepsub.plan.objects import is_md5
from hepsub.terminal import printable


def is_marked_complete(job: Job, outputs: Mapping[str, Output]) -> bool:
    """Whether a marker that can be read says so, and everything that it calls uploaded is there."""
    return job.marked is not None and job.marked.code == 0 and not _lost(job, outputs)


def is_of_another_run(job: Job, carried: Carried) -> bool:
    """Whether the run that the report tells of did not make an output, so that what is there is not its own."""
    said = job.reference.output_named(carried.name) if job.reference is not None else None
    return said is not None and said.state == "missing"


def mixed_runs(
    job: Job, outputs: Mapping[str, Output], missing: Iterable[Missing], listing: RemoteListing
) -> list[str]:
    """What to say where files of different runs of a job lie together; empty for nothing."""
    told = {each.name for each in missing}
    return [
        *(text for each in outputs.values() if (text := _mixed(job, each))),
        *_not_made(job, listing),
        *(_gone(each) for each in _lost(job, outputs) if each.name not in told),
        *_overtaken(job),
    ]


def _lost(job: Job, outputs: Mapping[str, Output]) -> list[ReportedOutput]:
    """What the marker calls uploaded, and is not there."""
    said = job.marked.outputs if job.marked is not None else ()
    return [each for each in said if each.state == UPLOADED and each.name not in outputs]


def _gone(said: ReportedOutput) -> str:
    where = f" as {printable(said.url)}" if said.url else ""
    return f"{printable(said.name)} was saved{where}, and is not there any more"


def _not_made(job: Job, listing: RemoteListing) -> list[str]:
    """What to say of objects whose output this run did not make."""
    return [
        f"{printable(each.name)} was not made, but {each.place} is there: it is of another run"
        for each in job.carried
        if isinstance(each.place, ObjectPlace)
        and each.place in listing.objects
        and is_of_another_run(job, each)
    ]


def _mixed(job: Job, output: Output) -> str:
    """What to say of an object that is not the one that the report tells of; empty for nothing."""
    said = job.reference.output_named(output.name) if job.reference is not None else None
    if said is None or not isinstance(output.source, ObjectPlace):
        return ""
    if not _is_other(said, output):
        return ""
    told = printable(said.etag or said.md5 or "")
    return (
        f"{printable(output.name)} in the store is not the file that the job's report tells of ({output.size} bytes,"
        f" ETag {output.etag}; told were {said.size} bytes, {told}): it is of another run of the job"
    )


def _is_other(said: ReportedOutput, output: Output) -> bool:
    """Whether an object is not what was uploaded: by size, by the ETag that the store gave then, or by MD5."""
    if said.size is not None and said.size != output.size:
        return True
    etag = output.etag
    if said.etag and etag:
        # hep_auth renew may have uploaded the same file again, in one part.
        return etag not in (said.etag, said.md5)
    return bool(said.md5) and is_md5(etag) and said.md5 != etag


def _overtaken(job: Job) -> list[str]:
    """What to say of a marker that is not of the run whose report was returned: each may be whole, both are not one."""
    if job.marked is None or job.report is None or not job.marked.is_overtaken_by(job.report):
        return []
    return [
        f"the store has the outputs of the run that ended at {job.marked.ended}; the report that came home is of"
        f" another run, which ended at {job.report.ended} ({job.report.end_text()}) and did not complete them"
    ]


def left_over(job: Job) -> list[str]:
    """What to say of files at home that are of no run that is known: HTCondor adds to what an earlier run left."""
    if job.report is None:
        return []
    stale = [name for name in job.returned.files if not job.report.was_returned(name)]
    if not stale:
        return []
    return [
        f"{len(stale)} file(s) in {job.returned_directory} were left out, such as {printable(stale[0])}: the last run"
        " of the job did not bring them home, an earlier one did"
    ]
