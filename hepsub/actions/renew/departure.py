"""Jobs of one submission leave another pool's schedd: they are noted, removed there, seen gone, and submitted anew.

It is what hep_sub -resubmit does, under the same lock and noted in the same journal. But nobody looks on: which jobs
are taken away is noted before the first is removed, so that a later round goes on with them; and where anything that
they were made from is not there as it was, they stay where they are.
"""

from __future__ import annotations

import signal
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.submit.choose import Chosen, check_alone, settled_lineage
from hepsub.actions.submit.judge import Judged, Verdict, judge
from hepsub.actions.submit.respell import Changes
from hepsub.actions.submit.resubmit import Prepared, changed_files, key_of, prepared
from hepsub.actions.submit.result import Submission
from hepsub.actions.submit.submit import make, planned
from hepsub.batch import State
from hepsub.batch_sites import Removed
from hepsub.bundle.bundle import find_bundle
from hepsub.bundle.leaving import GIVE_UP_S, Move, note_move
from hepsub.bundle.notes import is_ready
from hepsub.errors import HepsubError, Interrupted, NotDone
from hepsub.jobid import SubmissionRef
from hepsub.plan.leaving import hold_by_site, left_attribute
from hepsub.plan.model import Plan
from hepsub.result import Result
from hepsub.session import Session
from hepsub.terminal import few

if TYPE_CHECKING:
    from hepsub.actions.submit.submit import StoresOf

_NAMED = 3


class Leavers(Struct, frozen=True, kw_only=True):
    """Jobs of one submission that are to leave a site's schedd, which holds them or lets them wait.

    Attributes:
        left: the sites that they were taken away from before.
    """

    ref: SubmissionRef
    site: str
    procs: frozenset[int]
    left: tuple[str, ...] = ()

    @property
    def but(self) -> tuple[str, ...]:
        """The sites to which they do not go."""
        return (*self.left, self.site)


class Departure(Struct, kw_only=True, eq=False):
    """Jobs of one submission on their way."""

    session: Session
    stores: StoresOf
    leavers: Leavers
    moves: dict[str, Move]

    @property
    def noted(self) -> frozenset[int]:
        """The ProcIds of those that are noted, some of which may have been removed."""
        move = self._move
        return frozenset(move.procs) if move is not None and self._is_own(move) else frozenset()

    @property
    def known(self) -> frozenset[int]:
        """All ProcIds."""
        return self.leavers.procs | self.noted

    @property
    def named(self) -> str:
        """What people call them."""
        return self._called(self.known)

    def _called(self, procs: Collection[int]) -> str:
        ref, site = self.leavers.ref, self.leavers.site
        return f"{len(procs)} job(s) of {self.session.meant(ref)} at {site}"

    @property
    def _move(self) -> Move | None:
        """What is noted of the submission."""
        return self.moves.get(self.leavers.ref.uuid)

    def _is_own(self, move: Move) -> bool:
        return (move.site, move.left) == (self.leavers.site, self.leavers.left)

    @property
    def _is_late(self) -> bool:
        """Whether it was tried for long enough."""
        move = self._move
        late = move is not None and self.session.situation.now - move.since > GIVE_UP_S
        return late and bool(self.noted)

    def carry_out(self) -> str:
        """Send them on; a sentence about it, empty where there is nothing to say."""
        if (move := self._move) is not None and not self._is_own(move):
            return f"{self.named} wait: others of the same submission are on their way first"
        try:
            return self._locked()
        except (KeyboardInterrupt, Interrupted):
            signal.raise_signal(signal.SIGINT)  # whoever listens for it hears it
            return self._stay("interrupted")
        except HepsubError as error:
            why = error.message
        except OSError as error:
            why = str(error)
        try:
            return self._give_up(f" ({why})") if self._is_late else self._stay(why)
        except HepsubError as error:
            return self._stay(error.message)

    def _locked(self) -> str:
        session = self.session
        with (
            session.interrupts.scope(),
            session.journal.locked(key_of(session, self.leavers.ref), wait=False) as mine,
        ):
            return self._alone() if mine else f"{self.named} wait: a hep_sub -resubmit has them"

    def _stay(self, why: str) -> str:
        removed = "were removed there, or may have been, and are not submitted anew yet"
        stay = removed if self.noted else "stay there"
        return f"{self.named} {stay}: {why}; hep_auth renew tries it again"

    def _give_up(self, why: str = "") -> str:
        """Forget them, and say who has to look after them now.

        Raises:
            BundleUnusable: that cannot be noted.
        """
        meant = self.session.meant(self.leavers.ref)
        said = (
            f"{self._called(self.noted)} were removed there, or may have been, and could not be submitted anew for"
            f" days{why}: it is not tried again; hep_sub -resubmit {meant} does it by hand"
        )
        self._note(())
        return said

    def _alone(self) -> str:
        """Send on those that may go, while nobody else runs the same jobs again."""
        session, ref, procs = self.session, self.leavers.ref, sorted(self.known)
        lineage = settled_lineage(session, ref, procs)
        # A lineage names jobs by their ProcIds in the first submission, a note by those in this one.
        own = dict(zip(lineage.first.procs, procs, strict=True))
        judged = judge(session, lineage)
        stay = {own[each.earlier] for each in judged if self._is_on_its_way(each)}
        self._note(self.noted & stay)
        if self._is_late:
            return self._give_up()
        jobs = tuple(each for each in judged if self._goes(each))
        if not jobs:
            return ""
        ready = prepared(session, Chosen(lineage=lineage, jobs=jobs, notes=()), Changes())
        if ready.spec.placement.site is not None:
            return ""  # their user wants them there
        return self._submit(ready, jobs)

    def _goes(self, job: Judged) -> bool:
        status = job.status
        if job.run.ref.uuid != self.leavers.ref.uuid or status is None:
            return False  # it was submitted anew already, or nobody knows
        if self._was_removed(job):
            return True
        held = job.verdict is Verdict.HELD
        by_site = held and bool(hold_by_site(status.hold_code, status.hold_reason))
        return job.run.proc in self.leavers.procs and (by_site or status.state is State.IDLE)

    def _was_removed(self, job: Judged) -> bool:
        """Whether an earlier round has removed a job; whether it was that, is looked at once more."""
        removed = job.status is not None and job.status.state is State.REMOVED
        return job.run.proc in self.noted and removed and job.verdict is Verdict.FAILED

    def _is_on_its_way(self, job: Judged) -> bool:
        """Whether a job that is noted was removed, or may be, and does not go on in another way."""
        if job.run.ref.uuid != self.leavers.ref.uuid:
            directory = self.session.bundles / job.run.ref.uuid
            return directory.exists() and not is_ready(directory)  # it may be taken back
        removed = job.status is not None and job.status.state is State.REMOVED
        return removed or job.verdict is Verdict.UNKNOWN

    def _note(self, procs: Iterable[int]) -> None:
        """Note which jobs are on their way.

        Raises:
            BundleUnusable: it cannot be written.
            NotDone: nobody could read it.
        """
        session, leavers = self.session, self.leavers
        before, ordered = self._move, tuple(sorted(procs))
        if ordered == tuple(sorted(self.noted)):
            return
        since = before.since if before else session.situation.now
        move = Move(site=leavers.site, left=leavers.left, procs=ordered, since=since)
        note_move(session.bundles, self.moves, leavers.ref.uuid, move if ordered else None)

    def _submit(self, ready: Prepared, jobs: Sequence[Judged]) -> str:
        leavers = self.leavers
        but = dict.fromkeys(leavers.but, "jobs like these were on hold there")
        plan, facts = planned(
            ready.session, self.stores, ready.spec, keeps=True, known=ready.known, but=but
        )
        self._check_unchanged(ready, plan)
        # In the ads, so that a later round sends them back to none of these.
        away = {**plan.route.attributes, **left_attribute(leavers.but)}
        plan = replace(plan, route=replace(plan.route, attributes=away))
        schedd = ready.session.schedd(plan.route.pool, plan.route.schedd)
        done = make(
            ready.session,
            self.stores,
            ready.spec,
            plan,
            facts.outputs,
            schedd,
            (),
            before=lambda: self._remove(jobs, ready.since),
            alone=lambda uuid: check_alone(self.session, ready.chosen, uuid),
        )
        return self._told(done, plan, jobs)

    def _check_unchanged(self, ready: Prepared, plan: Plan) -> None:
        """See that they would be the same jobs.

        Raises:
            NotDone: what they were made from is another one now.
        """
        changed = changed_files(ready, plan)
        bundle = find_bundle(self.session.bundles, self.leavers.ref)
        if bundle is not None and plan.staging is not None:
            before = {each.sha256 for each in bundle.request.staging.libraries}
            changed += [each.name for each in plan.staging.libraries if each.sha256 not in before]
        if changed:
            raise NotDone(
                f"{few(changed, _NAMED)} changed since their submission, and they would be other jobs;"
                f" hep_sub -resubmit {self.session.meant(self.leavers.ref)} takes it as it is now"
            )

    def _remove(self, jobs: Sequence[Judged], when: float) -> None:
        """Remove jobs, and see that they are gone.

        Raises:
            NotDone: one of them may go on, or did its work.
        """
        ref = self.leavers.ref
        procs = {job.run.proc for job in jobs}
        self._note(procs | self.noted)  # before the first is removed: a kill loses none of them
        leaving = self.session.schedd(ref.pool, ref.schedd).leaving
        told = leaving.remove(ref, procs, when) if leaving is not None else Removed()
        gone, ended, there = (
            {proc for proc in procs if f"{ref.cluster}.{proc}" in said}
            for said in (told.gone, told.ended, told.there)
        )
        self._note(self.noted - ended)
        if gone != procs:
            raise NotDone(_why_not(ended, there, procs - gone - ended - there))

    def _told(self, done: Result[Submission], plan: Plan, jobs: Sequence[Judged]) -> str:
        session, leavers = self.session, self.leavers
        new, where = done.value.submitted, ", ".join(plan.route.sites) or f"pool {plan.route.pool}"
        if done.problems:  # they stay noted: the next round finds out whether they were submitted
            return "; ".join(each.message for each in done.problems)
        self._note(self.noted - {job.run.proc for job in jobs})
        return (
            f"{len(jobs)} job(s) of {session.meant(leavers.ref)} were removed at {leavers.site}, and go to {where} as"
            f" cluster {session.meant(new)}"
        )


def _why_not(ended: set[int], there: set[int], unknown: set[int]) -> str:
    said = (
        (there, "it has not let go of them yet"),
        (ended, "they have ended there, or somebody else has removed them"),
        (unknown, "it knows nothing of them, so nobody can tell that they do not run"),
    )
    return "; ".join(f"{why} ({len(those)})" for those, why in said if those)
