"""Tickets and tokens of live jobs: one renewal serves all bundles that hold the credential."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hepsub.actions.live import LiveBundle
from hepsub.actions.session import Session
from hepsub.auth.bundle import Bundle
from hepsub.auth.copies import Copy, best_of, copy_of, read_copy
from hepsub.auth.credential import CredentialSource
from hepsub.auth.renewal import Outcome, failed
from hepsub.errors import CredentialExpired, HepsubError
from hepsub.plan.credentials import JobCredential
from hepsub.plan.forecast import moment_text

_AT_LEAST_S = 30.0
_PART = 0.7
"""A new token has to live for this part of what the last one lived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Users:
    """Who needs a credential: the bundles that hold a copy, and the schedds that deliver it."""

    credential: JobCredential
    bundles: tuple[Bundle, ...]
    deliveries: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The best there is of a credential now, and why it could not be made better."""

    best: Copy | None
    trouble: HepsubError | None = None
    waits: bool = False


def renew_credentials(
    session: Session, live: Sequence[LiveBundle], before: Mapping[str, Outcome]
) -> dict[str, tuple[Outcome, float]]:
    """Renew the credentials that travel with live jobs where they are due, or their user has better ones.

    Args:
        session: the session.
        live: the bundles that jobs need.
        before: how each credential stood after the last round.

    Returns:
        By credential: how it stands, and when it is due next, in seconds since the epoch.
    """
    return {
        name: _renew(session, users, before.get(name, Outcome()))
        for name, users in _users(live).items()
    }


def _users(live: Sequence[LiveBundle]) -> dict[str, _Users]:
    found: defaultdict[str, list[tuple[JobCredential, Bundle]]] = defaultdict(list)
    for each in live:
        for credential in each.bundle.request.staging.credentials:
            found[credential.name].append((credential, each.bundle))
    return {
        name: _Users(
            credential=pairs[0][0],
            bundles=tuple(bundle for credential, bundle in pairs if not credential.by_condor),
            deliveries=frozenset(
                (bundle.request.pool, bundle.request.schedd)
                for credential, bundle in pairs
                if credential.by_condor
            ),
        )
        for name, pairs in found.items()
    }


def _renew(session: Session, users: _Users, before: Outcome) -> tuple[Outcome, float]:
    now = session.situation.now
    delivered = before.renewed + ((before.expires or 0.0) - before.renewed) / 2
    if not users.bundles and now < delivered:
        return before, delivered
    copies = {bundle.directory: _copy(bundle, users.credential) for bundle in users.bundles}
    found = _find(session, users, list(copies.values()), before)
    trouble, written = found.trouble, False
    if found.best is not None:
        try:
            written = _spread(session, users, copies, found.best, before)
        except HepsubError as error:
            trouble = error
    known = _with_times(before, found.best)
    if trouble is not None:
        again = failed(known, trouble.message, trouble.remedy, now)
        return again, again.not_before
    if found.waits or found.best is None:
        return known, before.not_before
    outcome = _with_times(Outcome(renewed=now if written else before.renewed), found.best)
    return outcome, found.best.due


def _copy(bundle: Bundle, credential: JobCredential) -> Copy | None:
    path = bundle.credential_path(credential.name)
    return read_copy(path, credential) if path is not None else None


def _with_times(outcome: Outcome, best: Copy | None) -> Outcome:
    if best is None:
        return replace(outcome, expires=None, renewable_until=None)
    lifetime = best.held.lifetime
    return replace(outcome, expires=lifetime.expires, renewable_until=lifetime.renewable_until)


def _find(
    session: Session, users: _Users, copies: Sequence[Copy | None], before: Outcome
) -> _Found:
    """The best of the copies, of what the user has, and, where that is due, of what can be had."""
    now = session.situation.now
    try:
        source = session.credential(users.credential.name)
    except HepsubError as error:
        return _Found(best=best_of(copies, now), trouble=error)
    mine = _look(source, now)
    best = best_of([*copies, mine], now)
    if best is not None and now < best.due:
        return _Found(best=best)
    if now < before.not_before and (mine is None or best is not mine):
        return _Found(best=best, waits=True)
    try:
        return _Found(best=best_of([best, _extended(source, best, now)], now))
    except HepsubError as error:
        return _Found(best=best, trouble=error)


def _look(source: CredentialSource, now: float) -> Copy | None:
    """What the user has; None also where it cannot be read, because the copies may still be good."""
    try:
        own = source.look()
    except HepsubError:
        return None
    return copy_of(own, now) if own is not None else None


def _extended(source: CredentialSource, best: Copy | None, now: float) -> Copy:
    """A new one, made from the best there is where it can be.

    Raises:
        HepsubError: it is not to be had.
    """
    if best is None:
        return copy_of(source.obtain(_AT_LEAST_S), now)
    if not best.can_be_renewed:
        raise CredentialExpired(
            f"it ends at {moment_text(best.expires, now)} and cannot be renewed any further",
            remedy=f"hep_auth login {source.name}",
        )
    return copy_of(source.renew(best.held), now)


def _spread(
    session: Session,
    users: _Users,
    copies: Mapping[Path, Copy | None],
    best: Copy,
    before: Outcome,
) -> bool:
    """Write the best one to everybody who has a worse one; whether anybody had.

    Raises:
        HepsubError: it cannot be written, or a schedd does not take it.
    """
    written = False
    for bundle in users.bundles:
        if best.is_better_than(copies[bundle.directory]):
            bundle.write_credential(best.held)
            written = True
    if users.deliveries and best.expires > (before.expires or 0.0):
        for pool, schedd in sorted(users.deliveries):
            session.schedd(pool, schedd).store_credential(users.credential, best.held.content)
        written = True
    return written
