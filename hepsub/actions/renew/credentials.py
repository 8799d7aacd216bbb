"""Tickets and tokens of live jobs: one renewal serves all bundles that hold the credential."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hepsub.actions.renew.live import LiveBundle
from hepsub.auth.copies import CredentialCopy, best_of, copy_of, read_copy
from hepsub.auth.credential import CredentialSource
from hepsub.auth.renewal import Outcome, failed
from hepsub.bundle.bundle import Bundle
from hepsub.errors import CredentialExpired, CredentialRefused, HepsubError
from hepsub.plan.credentials import JobCredential
from hepsub.policy.model import KERBEROS
from hepsub.session import Session
from hepsub.units import moment_text

_AT_LEAST_S = 30.0
"""A source that has one which ends sooner is asked for another: it would end before a job has used it."""
_GAIN_S = 5.0
"""What is delivered again has to live longer than what was delivered before by this."""


class _Users(Struct, frozen=True, kw_only=True):
    """Who needs a credential: the bundles that hold a copy, and the schedds that deliver it, as what.

    One that the pool at home delivers goes to other pools as a file: a credential may have users of both kinds.
    """

    credential: JobCredential
    bundles: tuple[Bundle, ...]
    deliveries: Mapping[tuple[str, str], JobCredential]


class _Best(Struct, frozen=True, kw_only=True):
    """The best there is of a credential now, and why it could not be made better."""

    best: CredentialCopy | None
    trouble: HepsubError | None = None
    backs_off: bool = False


def renew_credentials(
    session: Session, live: Sequence[LiveBundle], before: Mapping[str, Outcome]
) -> dict[str, tuple[Outcome, float]]:
    """Renew the credentials that travel with live jobs where they are due, or their user has better ones.

    Returns:
        By credential: its state, and when it is due next, in seconds since the epoch.
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
            deliveries={
                (bundle.request.pool, bundle.request.schedd): credential
                for credential, bundle in pairs
                if credential.by_condor
            },
        )
        for name, pairs in found.items()
    }


def _renew(session: Session, users: _Users, before: Outcome) -> tuple[Outcome, float]:
    now = session.situation.now
    # What a schedd has cannot be read back: it is due at half of the life that it had when it was delivered.
    delivered = before.renewed + ((before.expires or 0.0) - before.renewed) / 2
    if not users.bundles and now < delivered:
        return before, delivered
    copies = {bundle.directory: _copy(bundle, users.credential, now) for bundle in users.bundles}
    with session.progress.step(f"renewing the credential {users.credential.name}"):
        found = _find(session, users, list(copies.values()), before)
    written = False
    if found.best is not None:
        try:
            written = _distribute(session, users, copies, found.best, before)
        except HepsubError as error:  # the source is not to blame: it is asked when that is due
            return failed(before, error.message, error.remedy, now, for_all=False)
    known = _with_times(before, found.best)
    # What there is was written all the same: the best of several copies may help jobs whose own is worse.
    if found.trouble is not None:
        return failed(known, found.trouble.message, found.trouble.remedy, now)
    if found.backs_off or found.best is None:
        return known, before.not_before
    outcome = _with_times(Outcome(renewed=now if written else before.renewed), found.best)
    return outcome, found.best.due


def _copy(bundle: Bundle, credential: JobCredential, now: float) -> CredentialCopy | None:
    path = bundle.master_credential(credential.name)
    return read_copy(path, credential, now) if path is not None else None


def _with_times(outcome: Outcome, best: CredentialCopy | None) -> Outcome:
    if best is None:  # the last end that was known is the true one
        return outcome
    lifetime = best.credential.lifetime
    return replace(outcome, expires=lifetime.expires, renewable_until=lifetime.renewable_until)


def _find(
    session: Session, users: _Users, copies: Sequence[CredentialCopy | None], before: Outcome
) -> _Best:
    """The best of the copies, of what the user has, and, where that is due, of what can be had."""
    now = session.situation.now
    try:
        source = session.credential(users.credential.name)
    except HepsubError as error:
        return _Best(best=best_of(copies, now), trouble=error)
    own = _look(source, now)
    # After `kinit` as somebody else the jobs keep the ticket of the principal who submitted them.
    if own is not None and any(_of_another_principal(own, each) for each in copies):
        own = None
    best = best_of([*copies, own], now)
    if best is not None and now < best.due:
        return _Best(best=best)
    # Sources are left alone for a while after a failure; what the user has obtained himself is not.
    if now < before.not_before and (own is None or best is not own):
        return _Best(best=best, backs_off=True)
    try:
        if best is None and users.deliveries:
            return _Best(best=_obtain_for_delivery(source, before, now))
        return _Best(best=best_of([best, _obtain_or_renew(source, best, now)], now))
    except HepsubError as error:
        return _Best(best=best, trouble=error)


def _look(source: CredentialSource, now: float) -> CredentialCopy | None:
    """What the user has; None also where it cannot be read, because the copies may still be good."""
    try:
        own = source.look()
    except HepsubError:
        return None
    return copy_of(own, now) if own is not None else None


def _of_another_principal(one: CredentialCopy, other: CredentialCopy | None) -> bool:
    """Whether two tickets are of two principals; whose tokens are is the policy's to say."""
    if other is None or one.credential.kind != KERBEROS:
        return False
    return one.credential.who != other.credential.who


def _obtain_for_delivery(source: CredentialSource, before: Outcome, now: float) -> CredentialCopy:
    """One that outlives what the pool has; its sources would give that once more.

    Raises:
        HepsubError: it is not to be had.
    """
    left = max(0.0, (before.expires or 0.0) - now)
    got = copy_of(source.obtain(max(_AT_LEAST_S, left + _GAIN_S)), now)
    if left and got.expires <= now + left + 1:
        raise CredentialExpired(
            f"it ends at {moment_text(got.expires, now)}, and nothing gives one that lasts longer",
            remedy=f"hep_auth login {source.name}",
        )
    return got


def _obtain_or_renew(
    source: CredentialSource, best: CredentialCopy | None, now: float
) -> CredentialCopy:
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
    return copy_of(source.renew(best.credential), now)


def _distribute(
    session: Session,
    users: _Users,
    copies: Mapping[Path, CredentialCopy | None],
    best: CredentialCopy,
    before: Outcome,
) -> bool:
    """Write the best one into each bundle, and to each schedd, that has a worse one; whether there was any.

    A bundle or schedd that does not take it does not keep it from the others.

    Raises:
        HepsubError: it cannot be written somewhere, a schedd does not take it, or it is not the user's whose
            jobs these are.
    """
    written = False
    troubles: list[HepsubError] = []
    for bundle in users.bundles:
        old = copies[bundle.directory]
        if not best.is_better_than(old):
            continue
        try:
            _write_into(best, old, bundle)
            written = True
        except HepsubError as error:
            troubles.append(error)
    if users.deliveries and best.expires > (before.expires or 0.0):
        for (pool, schedd), credential in users.deliveries.items():
            try:
                session.schedd(pool, schedd).store_credential(credential, best.credential.content)
                written = True
            except HepsubError as error:
                troubles.append(error)
    if troubles:
        raise troubles[0]
    return written


def _write_into(best: CredentialCopy, old: CredentialCopy | None, bundle: Bundle) -> None:
    """Write it into a bundle.

    Raises:
        CredentialRefused: the jobs have somebody else's.
        BundleUnusable: it cannot be written.
    """
    if old is not None and _of_another_principal(best, old):
        raise CredentialRefused(
            f"jobs have a ticket of {old.credential.who}, and yours is {best.credential.who}'s now",
            remedy=f"kinit {old.credential.who}",
        )
    bundle.write_credential(best.credential)
