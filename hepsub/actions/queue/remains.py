"""What a submission has left here that tells of its jobs: where their logs are, and the reports that came home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from hepsub.actions.queue.counted import keeps_ended
from hepsub.batch import SAVED_AT_HOME, JobStatus
from hepsub.jobid import SubmissionRef
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.bundle.bundle import Bundle
    from hepsub.bundle.report import Report


class Remains(Struct, frozen=True, kw_only=True):
    """What there is of a submission.

    Attributes:
        ref: the submission.
        bundle: what travelled with it; None for nothing, or what is gone.
        far: whether its schedd sees none of this host's directories.
    """

    ref: SubmissionRef
    bundle: Bundle | None
    far: bool

    def stderr(self, job: JobStatus) -> str:
        """Where a job's standard error goes, by the user's own name for it; empty for not known."""
        if self.bundle is not None and self.bundle.request.stderr:
            return str(self.bundle.request.logs(job.proc, self.ref.cluster)[-1])
        # Of a schedd that is far away no name of a file is believed: what it likes would be shown.
        return "" if self.far else job.stderr

    def complaint(self, proc: int) -> str:
        """What the report of a job complains of; empty where it does not, or none came home."""
        report = self._report(proc)
        return report.complaint if report is not None else ""

    def owes_marker(self, job: JobStatus) -> bool:
        """Whether nothing is to be done but to put what a job has left at home in its place."""
        report = self._report(job.proc) if job.exit_code == SAVED_AT_HOME else None
        return report is not None and report.owes_marker

    def _report(self, proc: int) -> Report | None:
        from hepsub.bundle.report import report_of

        return report_of(self.bundle, proc)


def remains_of(session: Session, ref: SubmissionRef) -> Remains:
    """What there is of a submission now."""
    from hepsub.bundle.bundle import find_bundle

    return Remains(
        ref=ref,
        bundle=find_bundle(session.bundles, ref),
        far=keeps_ended(session, ref.pool),
    )
