"""The credentials of a submission: obtained before anything is written."""

from __future__ import annotations

from hepsub.auth.credential import UserCredential
from hepsub.batch import BatchSystem
from hepsub.bundle.bundle import Bundle
from hepsub.errors import HepsubError
from hepsub.plan.credentials import JobCredential
from hepsub.plan.staging import StagingPlan
from hepsub.session import Session

_AT_LEAST_S = 300.0
"""What goes into a bundle should live so long, where its source can do that."""


def obtain_all(session: Session, staging: StagingPlan) -> tuple[UserCredential, ...]:
    """Every credential that goes along with the jobs.

    Raises:
        HepsubError: one of them is not to be had, and the jobs would miss it.
    """
    return tuple(_obtain(session, each) for each in staging.credentials)


def _obtain(session: Session, each: JobCredential) -> UserCredential:
    try:
        return session.credential(each.name).obtain(_AT_LEAST_S)
    except HepsubError as error:
        raise type(error)(
            f"nothing was submitted: the jobs need the credential {each.name}, but {error.message}",
            remedy=f"{error.remedy}; or submit without it (-cred none, or no -cred {each.name})",
        ) from error


def deliver(
    staging: StagingPlan,
    credentials: tuple[UserCredential, ...],
    bundle: Bundle,
    schedd: BatchSystem,
) -> None:
    """Put each credential where the jobs find it: into the bundle, or to the pool's own credd.

    Raises:
        HepsubError: one cannot be put there.
    """
    for each, content in zip(staging.credentials, credentials, strict=True):
        if each.by_condor:
            schedd.store_credential(each, content.content)
        else:
            bundle.write_credential(content, first=True)
