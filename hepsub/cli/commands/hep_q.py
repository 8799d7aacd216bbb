"""hep_q: show the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepsub.cli.options import COMMON, POOLS, Command, Kind, Takes, Values, Words, flag, option
from hepsub.errors import UsageError

if TYPE_CHECKING:
    from hepsub.batch import State
    from hepsub.cli.output import Console
    from hepsub.result import AnyResult
    from hepsub.session import Session

_STATES = ("I", "R", "C", "H", "X", "S")
_OPTIONS = (
    option("-u --user", "USER", "Only jobs of this user; without a name, your own.",
        kind=Kind.USER, takes=Takes.PERHAPS_ONE),
    option("-i --id", "ID",
        "Only these clusters (13), jobs (13.2), ranges (13.0-9), schedd07:13.2.", kind=Kind.JOB, takes=Takes.MANY),
    flag("-hold --hold", "Only jobs on hold, with the reasons."),
    flag("-run --run", "Only running jobs.", field="running"),
    option("-stat --stat", "S", "Only jobs in this state: I, R, C, H, X or S.", choices=_STATES),
    flag("-why --why", "Say in words why each job is where it is, and what to do."),
    *POOLS,
    *COMMON,
)  # fmt: skip


def run(session: Session, values: Values, _: Console) -> AnyResult:
    """List jobs, or explain them.

    Raises:
        HepsubError: the pool cannot be asked, or an id is wrong.
    """
    from hepsub.actions.queue.query import Filter, query
    from hepsub.jobid import parse_job_id

    user = values["user"]  # None without -u, empty behind one that names nobody
    wanted = Filter(
        pool=values["pool"],
        owner="" if user is None else user or session.situation.user,
        ids=tuple(parse_job_id(text) for text in (*values["id"], *values["ids"])),
        states=_states(values),
        reasons=values["hold"],
        brief=not (values["hold"] or values["json"] or values["why"]),
    )
    if not values["why"]:
        return query(session, wanted)
    from hepsub.actions.queue.why import why

    return why(session, wanted)


def _states(values: Values) -> tuple[State, ...]:
    from hepsub.batch import State

    asked = []
    if values["hold"]:
        asked.append({State.HELD})
    if values["running"]:
        # It has its slot until its outputs are away.
        asked.append({State.RUNNING, State.TRANSFERRING})
    if values["stat"] is not None:
        asked.append({_state(values["stat"])})
    if not asked:
        return ()
    common = set.intersection(*asked)
    if not common:  # an empty listing would look as if there were no such jobs
        raise UsageError(
            "no job is in two states at once", remedy="give one of -hold, -run and -stat"
        )
    return tuple(sorted(common, key=lambda state: state.value))


def _state(text: str) -> State:
    from hepsub.batch import State

    try:
        return State(text.upper())
    except ValueError as error:
        raise UsageError(
            f"argument -stat/--stat: invalid choice: '{text}'",
            remedy=f"choose from {', '.join(_STATES)}",
        ) from error


COMMAND = Command(
    name="hep_q",
    summary="Show the queue",
    options=_OPTIONS,
    words=Words(field="ids", metavar="[ID…]", help="As behind -i.", kind=Kind.JOB),
    examples=(
        ("hep_q -u", "your own jobs"),
        ("hep_q -i 13 -hold", "the jobs of cluster 13 that are on hold, with the reasons"),
        ("hep_q -i 13 -why", "why they are where they are, and what to do"),
        ("hep_q -u -json", "the same for programs"),
    ),
    run=run,
    results=(
        "hepsub.actions.queue.query:ListingDocument",
        "hepsub.actions.queue.why:Explanations",
    ),
)
