"""How long what travels with the jobs is good for, told to their user."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from hepsub.auth.credential import UserCredential
from hepsub.auth.renewal import read_state
from hepsub.plan.credentials import JobCredential
from hepsub.plan.forecast import (
    REFRESHER,
    Expiry,
    Window,
    forecast_note,
    taken_note,
    unopened_note,
    unrefreshed_note,
)
from hepsub.plan.model import Plan
from hepsub.plan.staging import Staging
from hepsub.policy.model import KERBEROS
from hepsub.session import Session

if TYPE_CHECKING:
    from hepsub.actions.submit.stage import Staged
    from hepsub.storage.store import Store
    from hepsub.storage.stores import Stores


class _Travelling(Struct, frozen=True, kw_only=True):
    """Something that travels with the jobs and may end.

    Attributes:
        expiry: what it is, and when it ends.
        by_pool: who of the pool renews it; empty for hep_auth renew.
        is_fetched: whether jobs that run have to ask this host for a newer one.
    """

    expiry: Expiry
    by_pool: str = ""
    is_fetched: bool = True


def travel_notes(session: Session, stores: Stores, plan: Plan, staged: Staged) -> tuple[str, ...]:
    """What the user should know of what travels with the jobs."""
    from hepsub.actions.submit.libraries import uploaded_note
    from hepsub.actions.submit.stage import used_storages
    from hepsub.auth.login_environment import note_login

    situation, request = session.situation, staged.bundle.request
    used = {name: stores.store(name) for name in used_storages(request)}
    with contextlib.suppress(OSError):  # for hep_auth renew after the logout; it can do without
        note_login(session.paths.logins, situation)
    return (
        *uploaded_note(request.staging.libraries),
        *forecast(session, plan, request.staging, staged.credentials, used),
    )


def forecast(
    session: Session,
    plan: Plan,
    staging: Staging,
    credentials: tuple[UserCredential, ...],
    stores: Mapping[str, Store],
) -> tuple[str, ...]:
    """A sentence for each storage whose signed URLs, and each credential that, may end before the jobs do.

    Args:
        session: the session.
        plan: the decided submission.
        staging: how its files travel, in the plan or in the bundle.
        credentials: those that travel.
        stores: the storages that URLs are signed for, with keys; by name.
    """
    now = session.situation.now
    refreshed = plan.route.delivery.refreshed or staging.mailbox is not None
    active = read_state(session.bundles, now).is_active(now)
    limit = plan.walltime.limit
    window = Window(now=now, needed=session.policy.staging.expected_wait + limit)
    by_name = {each.name: each for each in staging.credentials}
    notes: list[str] = []
    # What has its files in the batch script runs where nobody of ours sees the node.
    kept = plan.route.delivery.in_script
    late = "keeps its outputs on its node" if kept else "brings its outputs home"
    travelling = [
        _access(name, store, now, late, refreshed=refreshed) for name, store in stores.items()
    ]
    travelling += [
        _credential(by_name[each.name], each, refreshed=refreshed, renewed=active)
        for each in credentials
    ]
    for each in travelling:
        if isinstance(each, str):
            notes.append(each)
            continue
        renewer = each.by_pool or (REFRESHER if active else "")
        notes.append(forecast_note(each.expiry, window, renewer=renewer, way=session.way_to_renew))
        # At home a job reads the bundle itself; elsewhere it gets what is newer by the I/O proxy, or not at all.
        if not each.is_fetched or not staging.confined or staging.is_refreshed:
            continue
        if plan.route.delivery.taken_early:
            notes.append(taken_note(each.expiry, window))
        else:
            notes.append(unrefreshed_note(each.expiry, window, walltime=limit))
    notes.append(_mailbox(session, plan, staging, stores))
    return tuple(note for note in notes if note)


def _mailbox(session: Session, plan: Plan, staging: Staging, stores: Mapping[str, Store]) -> str:
    """Until when a job has to have started to read its mail; empty where it need not, or nobody knows."""
    mailbox, now = staging.mailbox, session.situation.now
    if mailbox is None or mailbox.public or mailbox.storage not in stores:
        return ""
    delivery = plan.route.delivery
    if not delivery.taken_early or delivery.handed_over:
        return ""  # what waits is signed anew, or its schedd is told the newest URL
    return unopened_note(
        stores[mailbox.storage].lifetime(now), session.policy.staging.expected_wait
    )


def _access(
    name: str, store: Store, now: float, late: str, *, refreshed: bool
) -> _Travelling | str:
    """The signed URLs of a storage; a sentence where nobody knows when they end."""
    if store.keys.token and store.keys.expires is None:
        return (
            f"the keys for the storage {name} are a session's, and when it ends is not known: signed URLs die"
            f" with it, and a job that comes later {late}"
        )
    end = now + store.lifetime(now)
    # URLs can be signed anew for as long as there are keys: a token gives new ones, a session of somebody's ends.
    lasting = store.keys.expires is None or bool(store.storage.token_name)
    expiry = Expiry(
        what=f"the signed access to the storage {name}",
        expires=end,
        renewable_until=None if lasting and refreshed else end,
        obtain="have it done" if lasting else "get new keys",
        consequence=f"a job that comes later {late}",
    )
    return _Travelling(expiry=expiry)


def _credential(
    credential: JobCredential, issued: UserCredential, *, refreshed: bool, renewed: bool
) -> _Travelling:
    # A ticket is renewed where it is: by the job itself (kinit -R), or by the pool that delivers it. A token that the
    # pool delivers comes from hep_auth renew.
    kerberos, life = credential.kind == KERBEROS, issued.lifetime
    expiry = Expiry(
        what="your Kerberos ticket" if kerberos else f"the token {credential.name}",
        expires=life.expires,
        renewable_until=life.renewable_until if refreshed else life.expires,
        obtain=f"{'kinit' if kerberos else 'hep_auth login'}{'' if renewed else ' and hep_auth renew'}",
        consequence="the site takes no more jobs"
        if credential.stays
        else f"jobs that come later run without {'a ticket' if kerberos else 'it'}",
    )
    return _Travelling(
        expiry=expiry,
        by_pool="the pool's credmon" if kerberos and credential.by_condor else "",
        is_fetched=not kerberos and credential.travels,
    )
