"""What hep_sub did, or would do, as values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from hepsub.jobid import SubmissionRef
from hepsub.plan.model import Plan

if TYPE_CHECKING:
    from hepsub.actions.submit.documents import PreviewDocument, SubmissionDocument
    from hepsub.bundle.bundle import Bundle
    from hepsub.plan.freshness import Fresh


class Preview(Struct, frozen=True, kw_only=True):
    """What would be submitted.

    Attributes:
        description: what HTCondor would get.
        schedd: the schedd that would take it; empty when the pool did not answer.
        unreachable: why the pool could not be asked; empty when it could.
        removes: the jobs on hold that would be removed first.
    """

    plan: Plan
    description: str
    schedd: str
    unreachable: str
    removes: tuple[str, ...] = ()

    @property
    def fresh(self) -> tuple[Fresh, ...]:
        """Who would keep what fresh that travels with the jobs."""
        plan = self.plan
        if plan.staging is None:
            return ()
        from hepsub.plan.freshness import freshness, used_storages

        used = used_storages(plan.staging, plan.number, plan.values)
        return freshness(plan.staging, plan.route, used)

    def document(self) -> PreviewDocument:
        """The preview as it stands under `result` in JSON."""
        from hepsub.actions.submit.documents import preview_document

        return preview_document(self)


class Submission(Struct, frozen=True, kw_only=True):
    """A cluster that was submitted, now or earlier with the same key.

    Attributes:
        plan: the decided submission; None when the key had been used before.
        bundle: what travelled with it when the key was used first; None where nothing did, or it is gone.
        notes: what the user should know.
    """

    submitted: SubmissionRef
    plan: Plan | None
    bundle: Bundle | None = None
    notes: tuple[str, ...] = ()

    @property
    def must_be_told(self) -> bool:
        """Whether people are told of it on stderr where stdout cannot be written: jobs may run that nobody knows of."""
        return True

    def document(self) -> SubmissionDocument:
        """The submission as it stands under `result` in JSON."""
        from hepsub.actions.submit.documents import submission_document

        return submission_document(self)
