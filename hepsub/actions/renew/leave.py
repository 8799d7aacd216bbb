"""Remote sites that hold or fail jobs for reasons of their own are left out for a while, and jobs go elsewhere."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.renew.departure import Leavers
from hepsub.actions.renew.move import Mover
from hepsub.actions.renew.resend import send_on
from hepsub.bundle.leaving import read_sites, troubles_of, write_sites
from hepsub.bundle.report import report_of
from hepsub.errors import HepsubError
from hepsub.jobid import JobId
from hepsub.plan.leaving import LeftOut, Trouble, failure_by_site, hold_by_site, judged
from hepsub.policy.model import Policy
from hepsub.policy.site import CE, SCHEDD

if TYPE_CHECKING:
    from hepsub.actions.renew.live import LiveBundle
    from hepsub.batch_sites import HeldThere
    from hepsub.batch_system import Leaving
    from hepsub.bundle.bundle import Bundle
    from hepsub.session import Session

_REPORTS = 1000
"""So many of the jobs of a cluster tell enough about its sites."""
_PATIENCE_S = 60.0
"""After so long a round begins to move no more jobs: the next one does."""


class _There(Struct, frozen=True, kw_only=True):
    """A schedd that has jobs at remote sites, or had.

    Attributes:
        bundles: the bundles of the clusters with jobs in its queue.
        held: their jobs on hold that were at a site.
    """

    pool: str
    schedd: str
    leaving: Leaving
    bundles: Mapping[int, Bundle]
    held: tuple[HeldThere, ...] = ()
    failed: tuple[Trouble, ...]

    def troubles(self) -> Iterator[Trouble]:
        """What was the sites' own fault."""
        yield from self.failed
        yield from troubles_of(self.schedd, self.held)

    def believed(self, jobs: Iterable[HeldThere], policy: Policy) -> tuple[HeldThere, ...]:
        """Those of some jobs of which this schedd may tell: of the user's, at sites whose jobs it has."""
        return tuple(
            each
            for each in jobs
            if each.cluster in self.bundles
            and each.proc < self.bundles[each.cluster].request.number
            and _has_jobs_of(self.pool, each.site, policy)
        )

    def leavers(self, left: Collection[str], policy: Policy) -> Iterator[Leavers]:
        """The jobs that leave this schedd, because it is that of a site of another pool which is left out.

        Of the sites that they left before those of the policy are known: what a schedd there calls one is only text.
        """
        bad = {
            n for n in left if policy.site[n].kind == SCHEDD and policy.site[n].pool == self.pool
        }
        if not bad or not self.bundles:
            return
        # Those that wait there, too: they would be held one after the other.
        waiting = self.believed(self.leaving.waiting(tuple(self.bundles)), policy)
        held = (each for each in self.held if hold_by_site(each.code, each.reason))
        going = defaultdict[tuple[int, str, tuple[str, ...]], set[int]](set)
        for each in (*held, *waiting):
            if each.site in bad:
                before = tuple(name for name in policy.site if name in each.left)
                going[each.cluster, each.site, before].add(each.proc)
        for (cluster, site, before), procs in going.items():
            ref = replace(self.bundles[cluster].request.ref, cluster=cluster)
            yield Leavers(ref=ref, site=site, procs=frozenset(procs), left=before)


def leave_out(
    session: Session,
    found: Iterable[LiveBundle],
    clock: Callable[[], float] = time.monotonic,
) -> tuple[str, ...]:
    """Judge the remote sites by the jobs that they hold or failed, and take jobs that have a choice away from bad ones.

    A job on hold is released when it goes to another site then, from each site once; one without a choice stays. One
    behind a computing element or another pool's schedd is removed there first: after a minute no more are.

    Returns:
        A sentence for each site that is left out or takes jobs again, for jobs that go elsewhere, and for what could
        not be done.
    """
    if not session.policy.site:
        # What was taken away before the policy lost its sites is still on its way.
        return tuple(send_on(session, (), _over(clock)))
    now, root, notes = session.situation.now, session.bundles, list[str]()
    before = read_sites(root)
    there = tuple(_look(session, found, notes))
    troubles = [each for place in there for each in place.troubles()]
    after = judged(before, troubles, session.policy, now)
    if after != before:
        try:
            write_sites(root, after)
        except OSError as error:
            notes.append(f"which sites fail cannot be noted in {root}: {error.strerror}")
    left = after.now_left_out(session.policy, now)
    notes += (f"{name}: {each.text(now)}" for name, each in left.items())
    notes += (f"{each.site} gets jobs again" for each in before.left_out if each.site not in left)
    over = _over(clock)
    for place in there:
        notes += _tried(place, _send_elsewhere(place, left))
        if session.policy.pool[place.pool].spool:
            continue  # jobs behind elements are the grid manager's, which is at home
        mover = Mover(
            session=session,
            leaving=place.leaving,
            bundles=place.bundles,
            left=left.keys(),
            over=over,
        )
        notes += _tried(place, mover.move(place.held))
        notes += _tried(place, mover.recall())
    # Last, and all of them known first: submitting anew takes longest.
    leavers = [*_leavers(there, left, session.policy, notes)]
    notes += send_on(session, leavers, over)
    return tuple(notes)


def _over(clock: Callable[[], float]) -> Callable[[], bool]:
    """What tells whether a round has moved jobs for long enough, from now on."""
    end = clock() + _PATIENCE_S
    return lambda: clock() > end


def _tried(place: _There, said: Iterator[str]) -> Iterator[str]:
    """What is said of what is done meanwhile, and why that ended before its end."""
    try:
        yield from said
    except HepsubError as error:
        yield _not_sent(place, error)


def _leavers(
    there: Iterable[_There], left: Collection[str], policy: Policy, notes: list[str]
) -> Iterator[Leavers]:
    """The jobs that leave other pools; why a schedd does not tell its own goes to the notes."""
    for place in there:
        try:
            yield from place.leavers(left, policy)
        except HepsubError as error:
            notes.append(_not_sent(place, error))


def _not_sent(place: _There, error: HepsubError) -> str:
    return f"jobs of {place.schedd} could not be sent elsewhere: {error.message}"


def _look(session: Session, found: Iterable[LiveBundle], notes: list[str]) -> Iterator[_There]:
    """What the schedds tell of the jobs at sites; why one does not goes to the notes."""
    by_schedd: defaultdict[tuple[str, str], list[LiveBundle]] = defaultdict(list)
    for each in found:
        if each.procs is not None:
            by_schedd[each.ref.pool, each.ref.schedd].append(each)
    for (pool, schedd), bundles in by_schedd.items():
        try:
            leaving = session.schedd(pool, schedd).leaving
            if leaving is None:
                continue
            there = {each.ref.cluster: each.bundle for each in bundles if each.procs}
            failed = _failed(leaving, schedd, bundles)
            place = _There(
                pool=pool,
                schedd=schedd,
                leaving=leaving,
                bundles=there,
                failed=tuple(e for e in failed if _has_jobs_of(pool, e.site, session.policy)),
            )
            held = leaving.held(tuple(there)) if there else ()
            yield replace(place, held=place.believed(held, session.policy))
        except HepsubError as error:
            notes.append(f"{error.message}; how sites treat the jobs of {schedd} is not known")


def _has_jobs_of(pool: str, name: str, policy: Policy) -> bool:
    """Whether jobs at a site are in the queues of a pool: another pool's schedd is not believed about other sites."""
    site = policy.site.get(name)
    if site is None:
        return False
    if policy.pool[pool].spool:
        return site.kind != CE and site.pool == pool
    return site.kind != SCHEDD or site.pool == pool


def _failed(leaving: Leaving, schedd: str, bundles: Iterable[LiveBundle]) -> Iterator[Trouble]:
    """The jobs of clusters that have ended which failed for reasons of their sites."""
    reasons = {
        (each.ref.cluster, proc): trouble
        for each in bundles
        if each.has_ended
        for proc, trouble in _unstarted(each)
    }
    if not reasons:
        return
    ids = tuple(JobId(cluster=c, first=p, last=p) for c, p in reasons)
    for job, (site, when) in leaving.ended(ids).items():
        if job in reasons:
            cluster, proc = job
            name = f"{schedd}:{cluster}.{proc}"
            yield Trouble(site=site, job=name, when=when, why=reasons[job])


def _unstarted(each: LiveBundle) -> Iterator[tuple[int, str]]:
    """The jobs whose programs could not be started, by their reports, and why."""
    for proc in range(min(each.bundle.request.number, _REPORTS)):
        if (report := report_of(each.bundle, proc)) is None:
            continue
        if why := failure_by_site(report.code, started=report.payload is not None):
            yield proc, why


def _send_elsewhere(place: _There, left: Mapping[str, LeftOut]) -> Iterator[str]:
    """Let no more jobs that have a choice go to sites that are left out, and those go on that are on hold there."""
    if not place.bundles:
        return
    names = sorted(left)
    for cluster in place.leaving.leave_out(tuple(place.bundles), names):
        if names:
            yield (
                f"jobs of {cluster} that {place.schedd} has still to make may go to {', '.join(names)} all the same,"
                " because condor_qedit is not installed here"
            )
    going = [each for each in place.held if _goes(each, left)]
    if not going:
        return
    number = place.leaving.release(going)
    if number:
        sites = ", ".join(sorted({each.site for each in going}))
        clusters = ", ".join(map(str, sorted({each.cluster for each in going})))
        yield f"{number} job(s) of {clusters} at {place.schedd} were released, to run elsewhere than at {sites}"


def _goes(job: HeldThere, left: Collection[str]) -> bool:
    """Whether a job on hold is released to go to another site: held by its site's fault, and not before."""
    if job.through is not None:
        return False
    by_site = job.site in left and bool(hold_by_site(job.code, job.reason))
    return by_site and job.site not in job.left and any(each not in left for each in job.elsewhere)
