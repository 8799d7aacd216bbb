"""The credentials of a submission: obtained before anything is written, held against how long it may take."""

from __future__ import annotations

from hepsub.auth.credential import Held
from hepsub.auth.renewal import read_state
from hepsub.batch import BatchSystem
from hepsub.bundle.bundle import Bundle
from hepsub.errors import HepsubError
from hepsub.plan.credentials import JobCredential
from hepsub.plan.forecast import REFRESHER, Outlook, Span, forecast_note, unrefreshed_note
from hepsub.plan.model import Plan
from hepsub.plan.staging import StagingPlan
from hepsub.policy.model import KERBEROS
from hepsub.session import Session

_AT_LEAST_S = 300.0
"""What goes into a bundle should live so long, where its source can do that."""


def obtain_all(session: Session, staging: StagingPlan) -> tuple[Held, ...]:
    """Every credential that goes along with the jobs.

    Raises:
        HepsubError: one of them is not to be had, and the jobs would miss it.
    """
    return tuple(_obtain(session, each) for each in staging.credentials)


def _obtain(session: Session, each: JobCredential) -> Held:
    try:
        return session.credential(each.name).obtain(_AT_LEAST_S)
    except HepsubError as error:
        raise type(error)(
            f"nothing was submitted: the jobs need the credential {each.name}, but {error.message}",
            remedy=f"{error.remedy}; or submit without it (-cred none, or no -cred {each.name})",
        ) from error


def deliver(
    staging: StagingPlan, held: tuple[Held, ...], bundle: Bundle, schedd: BatchSystem
) -> None:
    """Put each credential where the jobs find it: into the bundle, or to the pool's own credd.

    Raises:
        HepsubError: one cannot be put there.
    """
    for each, content in zip(staging.credentials, held, strict=True):
        if each.by_condor:
            schedd.store_credential(each, content.content)
        else:
            bundle.write_credential(content, first=True)


def forecast_credentials(session: Session, plan: Plan, held: tuple[Held, ...]) -> tuple[str, ...]:
    """A sentence for each credential that may end before the jobs do."""
    if plan.staging is None:
        return ()
    now = session.situation.now
    active = read_state(session.bundles, now).is_active(now)
    span = Span(now=now, needed=session.policy.staging.expected_wait + plan.walltime.limit)
    by_name = {each.name: each for each in plan.staging.credentials}
    notes = []
    for each in held:
        credential = by_name[each.name]
        outlook = _outlook(
            credential, each, refreshed=plan.route.delivery.refreshed, renewed=active
        )
        notes.append(
            forecast_note(
                outlook, span, renewer=_renewer(credential, active=active), way=session.way_to_renew
            )
        )
        alone = plan.staging.confined and not plan.staging.is_refreshed
        if (
            alone and credential.kind != KERBEROS and not credential.by_condor
        ):  # a ticket is renewed where it is
            notes.append(unrefreshed_note(outlook, span, walltime=plan.walltime.limit))
    return tuple(note for note in notes if note)


def _renewer(credential: JobCredential, *, active: bool) -> str:
    """A pool that delivers tickets renews them itself; a token that it delivers comes from hep_auth renew."""
    if credential.by_condor and credential.kind == KERBEROS:
        return "the pool's credmon"
    return REFRESHER if active else ""


def _outlook(credential: JobCredential, held: Held, *, refreshed: bool, renewed: bool) -> Outlook:
    kerberos = credential.kind == KERBEROS
    what = "your Kerberos ticket" if kerberos else f"the token {credential.name}"
    return Outlook(
        what=what,
        expires=held.lifetime.expires,
        renewable_until=held.lifetime.renewable_until if refreshed else held.lifetime.expires,
        obtain=f"{'kinit' if kerberos else 'hep_auth login'}{'' if renewed else ' and hep_auth renew'}",
        loss=f"jobs that come later run without {'a ticket' if kerberos else 'it'}",
    )
