"""hep_fetch: bring the outputs of jobs here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, IDS, POOLS, Command, Kind, Values, flag, option
from hepsub.errors import UsageError

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import AnyResult
    from hepsub.session import Session

_OPTIONS = (
    option("-d --dir", "DIR",
        "The directory that gets them, instead of the current one; it is made.", kind=Kind.DIRECTORY),
    option("-only --only", "PATTERN",
        "Only outputs whose names match, such as '*.root'; may be repeated.", repeated=True),
    flag("-ls --ls", "Show what there is and where, and fetch nothing."),
    flag("-wait --wait", "First wait until the jobs have ended."),
    flag("-force --force", "Replace files that are here and differ."),
    flag("-push --push", "First upload what came home because the store was away (of the whole cluster)."),
    *POOLS,
    flag("-quiet --quiet", "No progress and no notes; errors are told."),
    *COMMON,
)  # fmt: skip


def run(session: Session, values: Values, _console: Console) -> AnyResult:
    """Fetch outputs, or show what there is.

    Raises:
        UsageError: no job is named, or -d names no directory.
        HepsubError: a job is not known, or belongs to two schedds.
    """
    from hepsub.actions.fetch.fetch import fetch
    from hepsub.actions.fetch.result import FetchRequest, directory_for
    from hepsub.actions.queue.ends import Clock
    from hepsub.jobid import parse_job_id

    if not values["ids"]:
        raise UsageError(
            "which jobs?",
            remedy="hep_fetch 13 fetches the outputs of cluster 13; also 13.2, 13.0-9",
        )
    order = FetchRequest(
        ids=tuple(parse_job_id(text) for text in values["ids"]),
        directory=directory_for(values["dir"] or "", session.situation.cwd),
        pool=values["pool"],
        only=values["only"],
        listing=values["ls"],
        force=values["force"],
        push=values["push"],
        wait=values["wait"],
    )
    with session.progress.step("looking for outputs") as step:
        return fetch(session, order, Clock(sleep=time.sleep, progress=step.say))


COMMAND = Command(
    name="hep_fetch",
    summary="Bring the outputs of jobs here",
    options=_OPTIONS,
    words=IDS,
    examples=(
        ("hep_fetch 13", "all outputs of cluster 13 that exist, into 13/PROC/NAME"),
        ("hep_fetch 13.0-9 -d results -only '*.root'", "some jobs, some files, another directory"),
        ("hep_fetch -wait 13", "when the jobs have ended"),
        ("hep_fetch -ls 13", "what there is, where it is, and what is missing"),
        ("hep_fetch -push 13", "upload what came home while the store was away, then fetch"),
    ),
    results=("hepsub.actions.fetch.documents:FetchedDocument",),
    run=run,
)
