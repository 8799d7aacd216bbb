"""hep_history: show jobs that have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, POOLS, Command, Kind, Takes, Values, Words, option

if TYPE_CHECKING:
    from hepsub.cli.output import Console
    from hepsub.result import AnyResult
    from hepsub.session import Session

_MOST = 100

_OPTIONS = (
    option("-u --user", "USER", "Jobs of this user; default: your own.", kind=Kind.USER, takes=Takes.PERHAPS_ONE),
    option("-i --id", "ID", "Only these clusters, jobs or ranges.", kind=Kind.JOB, takes=Takes.MANY),
    option("-n --number", "N",
        f"The latest N; default: {_MOST}, or all when ids are given.", kind=Kind.POSITIVE),
    *POOLS,
    *COMMON,
)  # fmt: skip


def run(session: Session, values: Values, _: Console) -> AnyResult:
    """List jobs that have ended.

    Raises:
        HepsubError: the pool cannot be asked, or an id is wrong.
    """
    from hepsub.actions.queue.history import history
    from hepsub.jobid import parse_job_id

    ids = tuple(parse_job_id(text) for text in (*values["id"], *values["ids"]))
    # A schedd reads its history from the end, file by file: without ids somebody has to say when it is enough.
    most = values["number"] or (session.policy.limits.jobs if ids else _MOST)
    return history(session, ids, values["user"] or session.situation.user, most, values["pool"])


COMMAND = Command(
    name="hep_history",
    summary="Show jobs that have ended",
    options=_OPTIONS,
    words=Words(field="ids", metavar="[ID…]", help="As behind -i.", kind=Kind.JOB),
    examples=(
        ("hep_history", "your latest jobs"),
        ("hep_history 13", "how the jobs of cluster 13 ended"),
        ("hep_history -json 13", "the same for programs"),
    ),
    run=run,
    results=("hepsub.actions.queue.history:PastDocument",),
)
