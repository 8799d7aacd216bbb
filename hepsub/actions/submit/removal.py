"""Jobs on hold are removed before they run again: all of them or none goes on, and what was done is never hidden."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from hepsub.actions.lineage import by_submission
from hepsub.actions.submit.judge import Judged, Verdict
from hepsub.batch import Act, Selection, State
from hepsub.errors import NotDone
from hepsub.jobid import SubmissionRef, procs_brief, ranges
from hepsub.session import Session

_NAMED = 3


class Removal(Struct, kw_only=True, eq=False):
    """The removal of jobs on hold.

    Attributes:
        jobs: the jobs that are to run again; those on hold among them are removed.
        meant: those whose removal was asked for, but for those that were seen to be there still.
        certain: whether their schedds said that they did it.
    """

    session: Session
    jobs: Sequence[Judged]
    meant: list[Judged] = field(default_factory=list)
    certain: bool = True

    def carry_out(self) -> None:
        """Remove them, see that none of them can go on, and keep that they ended so.

        Raises:
            NotDone: one of them is still there, or is on hold no more.
            HepsubError: its schedd cannot be asked.
        """
        held = {job.run: job for job in self.jobs if job.verdict is Verdict.HELD}
        for ref, runs in by_submission(held).items():
            self._remove(ref, [held[run] for run in runs])

    def sentence(self) -> str:
        """What was done."""
        procs = by_submission(job.run for job in self.meant)
        named = ", ".join(
            f"{ref.cluster}.{procs_brief(run.proc for run in runs)}" for ref, runs in procs.items()
        )
        were = "were removed" if self.certain else "may have been removed"
        return f"but jobs on hold {were} before that, so that they can run again: {named}"

    def _remove(self, ref: SubmissionRef, jobs: Sequence[Judged]) -> None:
        session = self.session
        schedd = session.schedd(ref.pool, ref.schedd)
        procs = {job.run.proc for job in jobs}
        ids = ranges((ref.cluster, proc) for proc in procs)
        # Until the schedd has answered nobody knows, and an error or Ctrl-C in between must not hide it.
        before, self.certain = self.certain, False
        self.meant += jobs
        # On hold they have to be still: somebody may have released one since it was looked at.
        count = schedd.act(Act.REMOVE, Selection(ids=ids, uuid=ref.uuid, states=(State.HELD,)))
        # The whole cluster is looked at: what the removal meant is not believed twice.
        there = schedd.queue(Selection(ids=ref.ids, uuid=ref.uuid), session.situation.now).jobs
        alive = {job.proc for job in there if job.proc in procs and job.state is not State.REMOVED}
        self.meant[:] = [
            job for job in self.meant if job.run.ref != ref or job.run.proc not in alive
        ]
        if alive or count.done < len(jobs):
            named = ", ".join(f"{ref.cluster}.{proc}" for proc in sorted(alive or procs)[:_NAMED])
            raise NotDone(
                f"nothing was submitted: {named} could not be removed from hold",
                remedy=f"hep_q -i {session.meant(ref)} shows how it stands; then try again",
            )
        self.certain = before
        self._keep(ref, jobs)

    def _keep(self, ref: SubmissionRef, jobs: Sequence[Judged]) -> None:
        """Keep how they ended: the next command may come before the schedd's history knows it."""
        session = self.session
        ended = [
            replace(
                job.status,
                state=State.REMOVED,
                ended=session.situation.now,
                remove_reason=f"by hep_sub -resubmit; it was on hold: {job.status.hold_reason}",
            )
            for job in jobs
            if job.status is not None
        ]
        session.ended.keep(ref.uuid, ended)
