"""Which jobs go on though their latest run was removed or is on hold: they are submitted anew, or sent elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hepsub.actions.lineage import Lineage, Run, by_submission
from hepsub.actions.submit.judge import Judged, Verdict, judge
from hepsub.auth.renewal import read_state
from hepsub.batch import JobStatus, State, has_succeeded
from hepsub.bundle.leaving import GIVE_UP_S, Move, read_moves, read_sites, troubles_of
from hepsub.documents import Malformed
from hepsub.plan.leaving import hold_by_site, judged
from hepsub.policy.site import SCHEDD
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.batch_sites import HeldThere

_SOON_S = 3600.0
"""What hep_auth renew could not send on within some rounds may stay where it is."""
_UNSURE = (Verdict.HELD, Verdict.UNKNOWN)
_ANEW = "is being submitted anew"
_ELSEWHERE = "is on hold by its site's fault, and is to be sent to another site"


def judge_onward(
    session: Session, lineage: Lineage, *, thorough: bool = True
) -> tuple[Judged, ...]:
    """How the latest runs of jobs stand, as `judge`; those go on that hepsub itself runs again at this time.

    Raises:
        HepsubError: a schedd cannot be asked.
    """
    found = judge(session, lineage, thorough=thorough)
    over = [each for each in found if each.verdict in (Verdict.FAILED, *_UNSURE)]
    if not over:
        return found
    going = dict.fromkeys(_sent_on(session, over), _ELSEWHERE)
    going |= dict.fromkeys(_moved(session, over), _ANEW)
    going |= dict.fromkeys(_intended(session, lineage), _ANEW)
    onward = {each.earlier: going[each.earlier] for each in over if each.earlier in going}
    return tuple(
        replace(each, verdict=Verdict.ALIVE, onward=onward[each.earlier])
        if each.earlier in onward
        else each
        for each in found
    )


def _intended(session: Session, lineage: Lineage) -> Iterator[int]:
    """The jobs that somebody may be about to submit anew, by their first ProcIds."""
    for entry in lineage.uncertain:
        if entry.again is not None and entry.may_be_under_way(session.situation.now):
            yield from entry.again.procs


def _moved(session: Session, jobs: Sequence[Judged]) -> Iterator[int]:
    """Those of some jobs that hep_auth renew has removed to submit them anew, by their first ProcIds."""
    going = moving(session, {each.run.ref.uuid for each in jobs})
    for each in jobs:
        removed = each.status is not None and each.status.state is State.REMOVED
        # What a round removes is on hold before, and for a moment in no queue and no history.
        may_be = removed or each.verdict in _UNSURE
        if may_be and each.run.proc in going.get(each.run.ref.uuid, ()):
            yield each.earlier


def _sent_on(session: Session, jobs: Sequence[Judged]) -> Iterator[int]:
    """Those of some jobs that stay on hold for a while only, by their first ProcIds."""
    held = {
        each.run: each for each in jobs if each.verdict is Verdict.HELD and each.status is not None
    }
    for runs in by_submission(held).values():
        sent = sent_on(session, runs[0], (held[run].status for run in runs))
        yield from (held[run].earlier for run in runs if run.proc in sent)


def moving(session: Session, uuids: Collection[str]) -> dict[str, frozenset[int]]:
    """The ProcIds of jobs that hep_auth renew takes away from another pool, of some submissions."""
    moves: dict[str, Move] = {}
    with contextlib.suppress(Malformed):  # no round moves a job then
        moves = read_moves(session.bundles)
    now = session.situation.now
    return {
        uuid: frozenset(each.procs)
        for uuid, each in moves.items()
        if uuid in uuids and now - each.since <= GIVE_UP_S
    }


def are_anew(session: Session, lineage: Lineage, past: Mapping[int, JobStatus]) -> bool:
    """Whether some jobs of one submission are on their way into another cluster; `past` are those that have ended."""
    intended = frozenset(_intended(session, lineage))
    going = moving(session, {run.ref.uuid for run in lineage.runs.values()})

    def is_anew(earlier: int, run: Run) -> bool:
        job = past.get(run.proc)
        removed = job is None or job.state is State.REMOVED
        if removed and run.proc in going.get(run.ref.uuid, ()):
            return True
        return earlier in intended and (job is None or not has_succeeded(job))

    return any(is_anew(earlier, run) for earlier, run in lineage.runs.items())


def sent_on(session: Session, run: Run, held: Iterable[JobStatus | None]) -> frozenset[int]:
    """The ProcIds of jobs on hold that hep_auth renew sends to another site in its next rounds, for all that is known.

    Args:
        session: the session.
        run: one of them.
        held: the jobs, all of its submission; None for one of which nothing is known.

    Raises:
        HepsubError: their schedd cannot be asked.
    """
    now, root, policy, ref = session.situation.now, session.bundles, session.policy, run.ref
    by_site = {job.proc for job in held if job and hold_by_site(job.hold_code, job.hold_reason)}
    if not by_site or not ref.uuid or ref.pool not in policy.pool or not policy.site:
        return frozenset()
    state = read_state(root, now)
    leaving = session.schedd(ref.pool, ref.schedd).leaving
    if leaving is None or not state.is_active(now):
        return frozenset()
    there = leaving.held((ref.cluster,))
    troubles = troubles_of(ref.schedd, there)
    left = judged(read_sites(root), troubles, policy, now).now_left_out(policy, now)
    # Two rounds more: the one that sees that a site is left out, and the one that sends its jobs on.
    soon = now - _SOON_S - 2 * state.every
    return frozenset(
        each.proc
        for each in there
        if each.proc in by_site and each.site in left and each.since > soon
        if _may_leave(session, run, each, left)
    )


def _may_leave(session: Session, run: Run, job: HeldThere, left: Collection[str]) -> bool:
    """Whether a job has another place to go to: another site of its schedd's, or where that is the site's, a pool."""
    if not session.policy.pool[run.ref.pool].spool:
        other = any(each not in left for each in job.elsewhere)
        return other and (job.through is not None or job.site not in job.left)
    site, order = session.policy.site[job.site], None
    if site.kind == SCHEDD and site.pool == run.ref.pool:
        with contextlib.suppress(Malformed):
            order = session.orders.find(run.ref.uuid, run.when)
    return order is not None and order.spec.placement.site is None
